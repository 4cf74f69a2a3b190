"""Metrics: errors of numbers in the units of the target, and errors of classes by their logits."""

from collections.abc import Sequence

import numpy as np

from kanbench.data.formula import Array

ROUNDING = 1e-12  # relative


def grade(prediction: Array, target: Array, train_mean: float) -> dict[str, float]:
    """Return the metrics of each row of predictions (n,) against targets (n,); NaN and inf pass through.

    rel_l2: ||p - y|| / ||y - train_mean||, 1 for the constant predictor; equal to sqrt(1 - r2).
    rmse, max_error: in the units of the target.   r2: 1 - rel_l2^2, against the training mean.
    rel_median: the median of |p - y| over that of |y - train_mean|, also 1 for the constant predictor; a few points
    with huge targets do not decide it. Where half of the targets or more equal the mean, it is rel_l2.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        error = prediction - target
        rel_l2 = float(np.linalg.norm(error) / np.linalg.norm(target - train_mean))
        usual = float(np.median(np.abs(target - train_mean)))
        return {
            "rel_l2": rel_l2,
            "rmse": float(np.sqrt(np.mean(error**2))),
            "max_error": float(np.abs(error).max()),
            "r2": 1.0 - rel_l2 * rel_l2,
            "rel_median": float(np.median(np.abs(error))) / usual if usual > ROUNDING * abs(train_mean) else rel_l2,
        }


def grade_outputs(predictions: Array, targets: Array, train_means: Array, names: Sequence[str]) -> dict[str, float]:
    """Return the metrics of several outputs, (n, n_outputs) each: the means over outputs, and those of every output.

    The mean of a metric has its own name, and that of an output has the name of the output behind it: rel_l2_y1.
    """
    of_outputs = [
        grade(prediction, target, float(mean))
        for prediction, target, mean in zip(predictions.T, targets.T, train_means, strict=True)
    ]
    means = {metric: float(np.mean([each[metric] for each in of_outputs])) for metric in of_outputs[0]}
    return means | {
        f"{metric}_{name}": value
        for name, each in zip(names, of_outputs, strict=True)
        for metric, value in each.items()
    }


def grade_classes(logits: Array, labels: Array, prior: Array) -> dict[str, float]:
    """Return the metrics of logits (n, n_classes) against labels (n,), indices of classes; NaN and inf pass through.

    accuracy: the fraction of rows whose largest logit is at the label.   cross_entropy: mean, in nats.
    rel_cross_entropy: the cross-entropy over that of the predictor which gives every row the probabilities `prior`
    (n_classes,); it is 1 for that predictor, as rel_l2 is 1 for a constant.
    """
    by_prior = _cross_entropy(np.broadcast_to(np.log(prior), logits.shape), labels)
    cross_entropy = _cross_entropy(logits, labels)
    return {
        "accuracy": float(np.mean(logits.argmax(axis=1) == labels)),
        "cross_entropy": cross_entropy,
        "rel_cross_entropy": cross_entropy / by_prior,
    }


def class_prior(labels: Array, n_classes: int) -> Array:
    """Return the frequency of each class, one added to every count, so that no probability is 0 (Laplace)."""
    counts = np.bincount(labels.astype(int), minlength=n_classes) + 1.0
    return counts / counts.sum()


def _cross_entropy(logits: Array, labels: Array) -> float:
    from scipy.special import log_softmax  # slow to import, and needed by classifications alone

    with np.errstate(over="ignore", invalid="ignore"):
        return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels.astype(int)].mean())
