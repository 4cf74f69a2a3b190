"""kanbench settles, with statistics and in minutes, when a KAN beats an MLP, and which kind of KAN.

The map, in the direction of the data: `config` turns YAML into types; `data` holds tasks, sampling and metrics;
`bases` and `models` hold the mathematics; `training` trains ensembles and makes records; `record` stores them;
`analysis` and `report` turn them into tables and figures; `run` and `__main__` lead through it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanbench.models import KAN, MLP, KANLayer

__version__ = "0.1.0"
__all__ = ["KAN", "MLP", "KANLayer"]


def __getattr__(name: str) -> Any:
    """Models are imported when they are asked for, so that results can be read where there is no torch."""
    if name in __all__:
        return getattr(import_module("kanbench.models"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
