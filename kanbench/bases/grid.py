"""Where the knots of a spline go: more of them, or others, with every function that data needs kept."""

from dataclasses import dataclass

import numpy as np

Knots = tuple[np.ndarray, tuple[float, float]]  # new knots, and the range on which every old function remains

MARGIN = 0.05  # of the data's range, on each side: unseen data reaches a little further
SHARPEST = 100.0  # times the density of even breakpoints; bounds the smallest spacing wherever data is crowded


@dataclass(frozen=True)
class Grid:
    """The knots of one feature: `degree` outer ones on each side of the breakpoints that bound its intervals.

    A spline changes its polynomial at a knot, so a knot inside the range of the data cannot move without changing
    some function there; one outside can.
    """

    knots: np.ndarray
    degree: int
    eps: float  # relative resolution of the numbers that the knots will be stored as

    @property
    def breakpoints(self) -> np.ndarray:
        return self.knots[self.degree : -self.degree]

    def holds(self, x: np.ndarray) -> bool:
        """Whether all of x lies between the first and the last breakpoint."""
        first, last = self.breakpoints[[0, -1]]
        return bool(first - self._touch <= x.min() and x.max() <= last + self._touch)

    def needed(self, x: np.ndarray) -> np.ndarray:
        """Breakpoints without which a function on the range of x would change, between two new ends.

        The new ends are the range with a margin, which does not reach over an old knot. All breakpoints of a column
        that is constant, to a cube root of the resolution, are needed: it says nothing about where they should be.
        So are those of a column without data.
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
        """All knots stay and breakpoints join them: every function remains, on the whole line; x may be empty."""
        breakpoints = _fill(self.breakpoints, intervals, x, mix)
        outer = self.knots[: self.degree], self.knots[-self.degree :]
        return np.concatenate([outer[0], breakpoints, outer[1]]), (-np.inf, np.inf)

    def follow(self, intervals: int, x: np.ndarray, mix: float) -> Knots:
        """Breakpoints that x does not need move to its range; where it needs too many, `insert` what can be."""
        needed = self.needed(x)
        if len(needed) - 1 > intervals or np.array_equal(needed, self.breakpoints):
            return self.insert(intervals, x, mix)
        points = _fill(needed, intervals, x, mix)
        steps = np.arange(1, self.degree + 1)
        outer = points[0] - steps[::-1] * (points[1] - points[0]), points[-1] + steps * (points[-1] - points[-2])
        return np.concatenate([outer[0], points, outer[1]]), (points[0], points[-1])

    @property
    def _touch(self) -> float:
        """Data that oversteps a knot by rounding is not beyond it."""
        return 64 * self.eps * float(np.abs(self.knots).max())


def _fill(fixed: np.ndarray, intervals: int, x: np.ndarray, mix: float) -> np.ndarray:
    """The `fixed` breakpoints and as many more as make `intervals`: (n,) -> (intervals + 1,).

    Each goes where the largest share of the range is, and shares an interval evenly with those that are there.
    """
    points, levels = _shares(fixed[0], fixed[-1], x, mix)
    at_fixed = np.interp(fixed, points, levels)
    share, parts = np.diff(at_fixed).round(12), np.ones(len(fixed) - 1, dtype=int)  # rounded: ties go to the first
    for _ in range(intervals - len(parts)):
        parts[np.argmax(share / parts)] += 1
    inner = [np.linspace(a, b, n + 1)[1:-1] for a, b, n in zip(at_fixed, at_fixed[1:], parts, strict=False)]
    return np.sort(np.concatenate([fixed, np.interp(np.concatenate(inner), levels, points)]))


def _shares(low: float, high: float, x: np.ndarray, mix: float) -> tuple[np.ndarray, np.ndarray]:
    """The share of breakpoints that belongs below each of some points: 0 at `low`, 1 at `high`, linear between them.

    Between even shares (mix = 0) and quantiles of the data (mix = 1). Each value counts once however often it
    occurs: a thousand zeros are one point of a function. So the quantiles of a binary column are even.
    """
    distinct = np.unique(x[(x >= low) & (x <= high)])
    points = np.unique([low, *distinct, high])
    widths = np.diff(points)
    even = widths / (high - low)
    if len(distinct) < 2:
        return points, np.array([0.0, *np.cumsum(even)])
    between = (points[:-1] >= distinct[0]) & (points[1:] <= distinct[-1])
    share = np.minimum(between / (len(distinct) - 1), SHARPEST * even)
    share += max(0.0, 1.0 - share.sum()) * even  # what the crowded places may not have goes to all
    return points, np.array([0.0, *np.cumsum((1.0 - mix) * even + mix * share)])
