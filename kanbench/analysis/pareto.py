"""Cost against error: what nothing else beats in both. Points are (n, 2); less is better in both columns."""

import numpy as np
from numpy.typing import NDArray

from kanbench.analysis.stats import Array


def pareto_front(points: Array) -> NDArray[np.bool_]:
    """Mark the points that no other point beats: (n, 2) -> (n,).

    A point beats another if it is at most as high in both coordinates, and lower in one."""
    at_most = np.all(points[:, None, :] <= points[None, :, :], axis=-1)  # (other, point)
    lower = np.any(points[:, None, :] < points[None, :, :], axis=-1)
    return ~np.any(at_most & lower, axis=0)


def hypervolume(points: Array, reference: tuple[float, float]) -> float:
    """The area between points and a reference that no front should reach: more is better.

    The reference is fixed beforehand, so that a method's number does not change with its rivals. Points that are not
    below it in both columns add nothing.
    """
    inside = points[np.all(points < reference, axis=1)]
    front = inside[pareto_front(inside)] if len(inside) else inside
    front = np.unique(front, axis=0)  # rising in the first column, so falling in the second
    ceilings = np.concatenate([[reference[1]], front[:-1, 1]])
    return float(np.sum((reference[0] - front[:, 0]) * (ceilings - front[:, 1])))
