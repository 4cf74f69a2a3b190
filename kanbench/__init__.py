"""kanbench answers when a KAN beats an MLP, and which kind of KAN does: with statistics, and in minutes.

The rooms, in the direction of the data: `config` turns YAML into types; `data` holds tasks, sampling and metrics;
`methods` says what is compared; `bases` and `models` hold the mathematics; `training` trains ensembles; `cells` turns
one method, task and budget into records, which `store` keeps on disk; `analysis`, `report` and `page` turn records into
tables, figures and a web page. `run` and `cli` lead through it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanbench.models import KAN, MLP, KANLayer

__version__ = "0.1.0"
__all__ = ["KAN", "MLP", "KANLayer"]


def __getattr__(name: str) -> Any:
    """Import a model when it is first asked for, so that results can be read where torch is not installed."""
    if name in __all__:
        return getattr(import_module("kanbench.models"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
