"""The outcome of members: their metrics on every split, and their status."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from kanbench.data import Dataset, Grading, Score, Split
from kanbench.files.json_data import finite

# (members, n, n_in) -> of each (n,) in the target's units, or logits (n, n_classes)
Predict = Callable[[np.ndarray], Iterable[np.ndarray]]


PREFIXES = {"train": "train", "validation": "val", "test": "test"}  # of metrics, by the split


def grade_members(
    datasets: Sequence[Dataset], predict: Predict, grading: Grading, splits: Iterable[str] = PREFIXES
) -> list[dict[str, float]]:
    """Metrics of every member on some splits, prefixed by the split: {"train_rel_l2": ..., ...}."""
    graded: list[dict[str, float]] = [{} for _ in datasets]
    for split, prefix in ((each, PREFIXES[each]) for each in splits):
        parts: list[Split] = [getattr(dataset, split) for dataset in datasets]
        predictions = predict(np.stack([part.x for part in parts]))
        for row, dataset, part, prediction in zip(graded, datasets, parts, predictions, strict=True):
            metrics = grading.grade(dataset, prediction, part.y)
            row.update({f"{prefix}_{name}": value for name, value in metrics.items()})
    return graded


def outcome(metrics: dict[str, float], score: Score, validation_loss: float | None = None) -> dict[str, Any]:
    """Status and reason, and the metrics.

    `validation_loss` is infinite for a training that never had a finite loss, and None for a reference: it was not
    trained, so it has not diverged where it is worse than a constant.
    """
    return _verdict(metrics, score, validation_loss) | {name: finite(value) for name, value in metrics.items()}


def _verdict(metrics: dict[str, float], score: Score, validation_loss: float | None) -> dict[str, str]:
    if validation_loss is not None and not math.isfinite(validation_loss):
        return {"status": "diverged", "reason": "the loss was never finite"}
    if not all(math.isfinite(value) for value in metrics.values()):
        return {"status": "diverged", "reason": "predictions are not finite"}
    if validation_loss is None:
        return {"status": "ok", "reason": ""}
    error = metrics.get(f"test_{score.metric}", metrics[f"val_{score.metric}"])  # not every shape is graded on test
    if error > 1.0:
        return {"status": "diverged", "reason": f"worse than {score.trivial}: {score.short} {error:.3g}"}
    return {"status": "ok", "reason": ""}
