"""The rows that an estimator holds out, to choose the best start and its step."""

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit


def hold_out(
    n: int, share: float, classes: np.ndarray | None, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of n that train and a share of them that is held out.

    Of each class a share is held out if it has enough rows. The only row of a class trains.
    """
    held_out = min(max(1, round(share * n)), n - 1)
    rows = _not_alone(n, classes, held_out)
    of_rows = None if classes is None else classes[rows]
    kind = StratifiedShuffleSplit if _can_stratify(of_rows, held_out) else ShuffleSplit
    splits = kind(n_splits=1, test_size=held_out, random_state=random).split(np.zeros(len(rows)), of_rows)
    train, held = (rows[part] for part in next(iter(splits)))
    return np.concatenate([train, np.setdiff1d(np.arange(n), rows)]), held


def _not_alone(n: int, classes: np.ndarray | None, held_out: int) -> np.ndarray:
    """Return the rows that may be held out: those with another row of their class, or all where they are too few."""
    if classes is None:
        return np.arange(n)
    _, which, counts = np.unique(classes, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(counts[which] > 1)
    return rows if len(rows) > held_out else np.arange(n)


def _can_stratify(classes: np.ndarray | None, held_out: int) -> bool:
    """Return whether each class can be on both sides of a split."""
    if classes is None:
        return False
    _, counts = np.unique(classes, return_counts=True)
    return bool(counts.min() >= 2 and min(held_out, len(classes) - held_out) >= len(counts))
