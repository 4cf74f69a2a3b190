"""How a task grades predictions, in the units of the target."""

import numpy as np

from kanbench.data.formula import Array


def grade(prediction: Array, target: Array, train_mean: float) -> dict[str, float]:
    """Metrics of each row of predictions (n,) against targets (n,); NaN and inf pass through.

    rel_l2: ||p - y|| / ||y - train_mean||, 1 for the constant predictor; equal to sqrt(1 - r2).
    rmse, max_error: in the units of the target.   r2: 1 - rel_l2^2, against the training mean.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        error = prediction - target
        rel_l2 = float(np.linalg.norm(error) / np.linalg.norm(target - train_mean))
        return {
            "rel_l2": rel_l2,
            "rmse": float(np.sqrt(np.mean(error**2))),
            "max_error": float(np.abs(error).max()),
            "r2": 1.0 - rel_l2 * rel_l2,
        }
