"""Placement of the knots of a spline: more of them, or others, with every function kept that the data needs."""

from dataclasses import dataclass

import numpy as np

Knots = tuple[np.ndarray, tuple[float, float]]  # new knots, and the range on which every old function remains

MARGIN = 0.05  # share of the data's range, on each side: unseen data reaches a little further
SHARPEST = 100.0  # highest density of breakpoints, relative to even ones; bounds the spacing where data is crowded


@dataclass(frozen=True)
class Grid:
    """Knots of one feature: breakpoints that bound its intervals, and `degree` outer knots on each side.

    A spline changes its polynomial at a knot. So a knot inside the range of the data cannot move without changing some
    function there; a knot outside the range can.
    """

    knots: np.ndarray
    degree: int
    eps: float  # relative resolution of the numbers that the knots will be stored as

    @property
    def breakpoints(self) -> np.ndarray:
        return self.knots[self.degree : -self.degree]

    def holds(self, x: np.ndarray) -> bool:
        """Return whether all of x lies between the first and the last breakpoint."""
        first, last = self.breakpoints[[0, -1]]
        return bool(first - self._touch <= x.min() and x.max() <= last + self._touch)

    def needed(self, x: np.ndarray) -> np.ndarray:
        """Return the breakpoints without which some function on the range of x would change, between two new ends.

        The new ends are the range with a margin, which does not reach over an old knot. All breakpoints of a column are
        needed if it has no data, or if it is constant to a cube root of the resolution: it does not say where they
        should be.
        """
        if not x.size:
            return self.breakpoints
        low, high = x.min(), x.max()
        if high - low < self.eps ** (1 / 3) * max(abs(low), abs(high), np.abs(self.knots).max()):
            return self.breakpoints
        margin = MARGIN * (high - low)
        below, above = self.knots[self.knots <= low + self._touch], self.knots[self.knots >= high - self._touch]
        first, last = max([low - margin, *below[-1:]]), min([high + margin, *above[:1]])
        return np.array([first, *self.knots[(self.knots > first) & (self.knots < last)], last])

    def insert(self, intervals: int, x: np.ndarray, mix: float) -> Knots:
        """Add breakpoints and keep all knots: every function remains, on the whole line. x may be empty."""
        breakpoints = _fill(self.breakpoints, intervals, x, mix)
        outer = self.knots[: self.degree], self.knots[-self.degree :]
        return np.concatenate([outer[0], breakpoints, outer[1]]), (-np.inf, np.inf)

    def follow(self, intervals: int, x: np.ndarray, mix: float) -> Knots:
        """Move the breakpoints that x does not need to its range; if it needs too many, `insert` as many as fit."""
        needed = self.needed(x)
        if len(needed) - 1 > intervals or np.array_equal(needed, self.breakpoints):
            return self.insert(intervals, x, mix)
        points = _fill(needed, intervals, x, mix)
        steps = np.arange(1, self.degree + 1)
        outer = points[0] - steps[::-1] * (points[1] - points[0]), points[-1] + steps * (points[-1] - points[-2])
        return np.concatenate([outer[0], points, outer[1]]), (points[0], points[-1])

    @property
    def _touch(self) -> float:
        """Distance by which data may overstep a knot through rounding."""
        return 64 * self.eps * float(np.abs(self.knots).max())


def _fill(fixed: np.ndarray, intervals: int, x: np.ndarray, mix: float) -> np.ndarray:
    """Add breakpoints to the `fixed` ones until they bound `intervals` intervals: (n,) -> (intervals + 1,).

    Each new one goes to the interval with the largest share of the range, and divides it evenly with those already
    there.
    """
    points, levels = _shares(fixed[0], fixed[-1], x, mix)
    at_fixed = np.interp(fixed, points, levels)
    share, parts = np.diff(at_fixed).round(12), np.ones(len(fixed) - 1, dtype=int)  # rounded: ties go to the first
    for _ in range(intervals - len(parts)):
        parts[np.argmax(share / parts)] += 1
    inner = [np.linspace(a, b, n + 1)[1:-1] for a, b, n in zip(at_fixed, at_fixed[1:], parts, strict=False)]
    return np.sort(np.concatenate([fixed, np.interp(np.concatenate(inner), levels, points)]))


def _shares(low: float, high: float, x: np.ndarray, mix: float) -> tuple[np.ndarray, np.ndarray]:
    """Return some points, and the share of breakpoints that belongs below each: 0 at `low`, 1 at `high`, linear
    between.

    The shares lie between even ones (mix = 0) and the quantiles of the data (mix = 1). Each value counts once however
    often it occurs, because a thousand zeros are one point of a function. So the quantiles of a binary column are even.
    """
    distinct = np.unique(x[(x >= low) & (x <= high)])
    points = np.unique([low, *distinct, high])
    widths = np.diff(points)
    even = widths / (high - low)
    if len(distinct) < 2:
        return points, np.array([0.0, *np.cumsum(even)])
    between = (points[:-1] >= distinct[0]) & (points[1:] <= distinct[-1])
    share = np.minimum(between / (len(distinct) - 1), SHARPEST * even)
    share += max(0.0, 1.0 - share.sum()) * even  # the share that crowded places may not have goes to all
    return points, np.array([0.0, *np.cumsum((1.0 - mix) * even + mix * share)])
