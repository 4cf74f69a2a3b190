"""What members reached: their metrics on every split, and whether that counts as success."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from kanbench.data import Dataset, Split, class_prior, grade, grade_classes

# (members, n, n_in) -> of each (n,) in the target's units, or logits (n, n_classes)
Predict = Callable[[np.ndarray], Iterable[np.ndarray]]


def grade_members(datasets: Sequence[Dataset], predict: Predict, n_classes: int) -> list[dict[str, float]]:
    """Metrics of every member on all three splits, prefixed by the split: {"train_rel_l2": ..., ...}.

    `n_classes` is 0 for a regression.
    """
    graded: list[dict[str, float]] = [{} for _ in datasets]
    for split, prefix in (("train", "train"), ("validation", "val"), ("test", "test")):
        parts: list[Split] = [getattr(dataset, split) for dataset in datasets]
        predictions = predict(np.stack([part.x for part in parts]))
        for row, dataset, part, prediction in zip(graded, datasets, parts, predictions, strict=True):
            if n_classes:
                metrics = grade_classes(prediction, part.y, class_prior(dataset.train.y, n_classes))
            else:
                metrics = grade(prediction, part.y, dataset.y_mean)
            row.update({f"{prefix}_{name}": value for name, value in metrics.items()})
    return graded


def outcome(metrics: dict[str, float], validation_loss: float | None = None) -> dict[str, Any]:
    """Status and reason, and the metrics.

    `validation_loss` is infinite for a training that never had a finite loss, and None for a reference: it was not
    trained, so it has not diverged where it is worse than a constant.
    """
    return _verdict(metrics, validation_loss) | {name: finite(value) for name, value in metrics.items()}


def _verdict(metrics: dict[str, float], validation_loss: float | None) -> dict[str, str]:
    if validation_loss is not None and not math.isfinite(validation_loss):
        return {"status": "diverged", "reason": "the loss was never finite"}
    if not all(math.isfinite(value) for value in metrics.values()):
        return {"status": "diverged", "reason": "predictions are not finite"}
    if validation_loss is None:
        return {"status": "ok", "reason": ""}
    if (error := metrics.get("test_rel_l2", 0.0)) > 1.0:
        return {"status": "diverged", "reason": f"worse than a constant: relative L2 {error:.3g}"}
    if (error := metrics.get("test_rel_cross_entropy", 0.0)) > 1.0:
        return {"status": "diverged", "reason": f"worse than the class prior: relative cross-entropy {error:.3g}"}
    return {"status": "ok", "reason": ""}


def finite(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if math.isfinite(value) else None
