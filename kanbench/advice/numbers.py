"""The numbers of an advice, as advice.json holds them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from kanbench import __version__
from kanbench.advice.case import Case
from kanbench.advice.plan import ROWS_PER_PARAMETER, Plan
from kanbench.advice.predictors import Network
from kanbench.advice.sentences import answer
from kanbench.config.config import Config
from kanbench.data import TableTask
from kanbench.files.json_data import finite

MODEL, ADVICE = "model.kanbench", "advice.json"  # the files of an advice


def numbers_of(config: Config, plan: Plan, case: Case, networks: Sequence[Network], seconds: float) -> dict[str, Any]:
    """Return the answer with its numbers as plain data: what is recommended, compared, tried and left out."""
    task, model = case.task, config.folder / MODEL
    finished = [each.trials for each in networks]
    return {
        "kanbench": __version__,
        "answer": answer(case),
        "table": {"name": task.name, "digest": task.digest, "inputs": list(task.inputs), "target": task.target},
        "recommended": _recommended(case),
        "model": str(model),
        "load": list(_lines(task, str(model))),
        "compared": [_compared(case, each.name, each.params) for each in case.predictors],
        "tried": [_tried(each) for each in sorted(networks, key=lambda each: each.validation)],
        "left_out": [str(each) for each in (*(t for t in plan.trials if t not in finished), *plan.scarce)],
        "rule": {"most_parameters": plan.most, "rows_per_parameter": ROWS_PER_PARAMETER},
        "test_rows": task.dealt(config.seeds[0], config.sizes)[2].tolist(),
        "seconds": seconds,
    }


def as_json(numbers: dict[str, Any]) -> str:
    """Return numbers as JSON, a line for each key; JSON has no infinity, so None stands for it."""
    lines = (f"{json.dumps(key)}: {json.dumps(finite(value), allow_nan=False)}" for key, value in numbers.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _recommended(case: Case) -> dict[str, Any]:
    name = case.recommended.name
    chosen = case.best if case.best and case.best.name == name else None
    size = {"shape": chosen.shape if chosen else None, "seed": chosen.seed if chosen else None}
    return _compared(case, name, case.recommended.params) | size | case.metrics[name]


def _compared(case: Case, name: str, params: int) -> dict[str, Any]:
    error, metric = case.verdict.error(name), case.task.grading.score.metric
    measured = {"metric": metric, "error": error.estimate, "low": error.low, "high": error.high}
    return {"name": name, "params": params} | measured


def _tried(network: Network) -> dict[str, Any]:
    trials = network.trials
    size = {"shape": network.shape, "params": network.params}
    counts = {"shapes": len(trials.cells), "members": network.members}
    errors = {"validation": network.validation, "test": network.test}
    return {"family": trials.family, "budget": trials.budget} | size | counts | errors


def _lines(task: TableTask, model: str) -> Iterator[str]:
    """Yield the two lines of Python that load the model and predict from a data frame."""
    kind = "KANClassifier" if task.classes else "KANRegressor"
    yield f"import kanbench; model = kanbench.{kind}.load({model!r})"
    yield "model.predict(frame[list(model.feature_names_in_)])"
