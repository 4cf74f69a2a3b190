"""kanbench answers when a KAN beats an MLP, and which kind of KAN does: with statistics, and in minutes.

The rooms, in the direction of the data: `config` turns YAML into types; `data` holds tasks, sampling and metrics;
`methods` says what is compared; `bases` and `models` hold the mathematics; `training` trains ensembles; `cells` turns
one method, task and budget into records, which `store` keeps on disk; `analysis`, `report` and `page` turn records into
tables, figures and a web page, and `solutions` has what networks found for equations. `run` and `cli` lead through it,
and `advice` asks it about one table. `estimators` is the mathematics for scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanbench import bases
    from kanbench.advice import advise
    from kanbench.comparing import compare
    from kanbench.data import FormulaTask, Variable
    from kanbench.estimators import KANClassifier as KANClassifier
    from kanbench.estimators import KANRegressor as KANRegressor
    from kanbench.methods import KANMethod, MLPMethod, OwnMethod
    from kanbench.models import KAN, MLP, KANLayer
    from kanbench.report.result import Result
    from kanbench.solutions import load_solution

__version__ = "0.1.0"
__all__ = [
    "KAN",
    "MLP",
    "FormulaTask",
    "KANLayer",
    "KANMethod",
    "MLPMethod",
    "OwnMethod",
    "Result",
    "Variable",
    "advise",
    "bases",
    "compare",
    "load_solution",
]
HOMES = {
    "KAN": "kanbench.models",
    "MLP": "kanbench.models",
    "KANLayer": "kanbench.models",
    "KANMethod": "kanbench.methods",
    "MLPMethod": "kanbench.methods",
    "OwnMethod": "kanbench.methods",
    "FormulaTask": "kanbench.data",
    "Variable": "kanbench.data",
    "advise": "kanbench.advice",
    "compare": "kanbench.comparing",
    "Result": "kanbench.report.result",
    "load_solution": "kanbench.solutions",
    "KANClassifier": "kanbench.estimators",  # not in __all__, which has to work without scikit-learn
    "KANRegressor": "kanbench.estimators",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for, so that results can be read where torch is not installed."""
    if name == "bases":
        return import_module("kanbench.bases")
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
