"""Named functions of one input that together span what the edges of this input carry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import sympy
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares

from kanbench.interpret.library import LIBRARY, NOT_ZERO, ZERO, Absorbs, Function, select
from kanbench.interpret.recovery.constants import number
from kanbench.interpret.search import SCALES, search_grid
from kanbench.interpret.values import Array

WEIGHT = 2.0  # price of a unit of complexity, in bits of the unexplained variance
FREE = 1  # price of an inner constant that is not 1 or 0
MOST_SETS = 4  # alternatives that are kept for an input
MOST_OF_THREE = 14  # functions among which sets of three are sought
SAMPLES = 100
RIDGE = 1e-14  # of functions of unit length, which may be alike
REACH = 30.0  # a set may miss the functions by this many times the error that they have themselves
INNER = select(["x^2", "exp", "sin", "1/x"])  # functions inside of which another one is tried
COSINE = Function("cos", torch.cos, sympy.cos, 3, absorbs=Absorbs.sign)
OUTER = select(["sqrt", "1/sqrt", "1/x", "log", "exp"])
FUNCTIONS = {name: f for name, f in LIBRARY.items() if f != ZERO}


@dataclass(frozen=True)
class Named:
    """The function f(a h(x) + b) of one input; h is the identity if `before` is None."""

    function: Function
    a: float
    b: float
    before: Function | None = None

    @property
    def free(self) -> tuple[bool, bool]:
        """Tell of a and b whether it is a constant that no factor or summand outside makes up for."""
        absorbs = self.function.absorbs
        plain = self.function.name == "cos"
        return Absorbs.scale not in absorbs and not plain, Absorbs.shift not in absorbs and not plain

    @property
    def complexity(self) -> int:
        inside = 0 if self.before is None else self.before.complexity
        odd = (self.free[0] and abs(self.a) != 1.0) + (self.free[1] and self.b != 0.0)
        return self.function.complexity + inside + FREE * odd

    def __call__(self, x: Array) -> Array:
        """Evaluate elementwise; NaN outside the domain."""
        u = torch.from_numpy(np.ascontiguousarray(x))
        u = self.a * (u if self.before is None else self.before.torch(u)) + self.b
        holds = self.function.domain.holds(u.min(), u.max())
        return self.function.torch(u).numpy() if holds else np.full_like(x, np.nan)

    def expression(self, x: sympy.Expr) -> sympy.Expr:
        """Return the function of an expression."""
        inner = x if self.before is None else self.before.sympy(x)
        inner = number(self.a) * inner + number(self.b)
        return self.function.sympy(inner)


def spanning_sets(x: Array, carried: Array, floor: float, *, deep: bool) -> list[tuple[float, tuple[Named, ...]]]:
    """Return the best sets of named functions that come near, each with its score in bits; a lower score is better.

    Args:
        x: values of the input, (m,), sorted.
        carried: functions of these values, centered, (m, r), in spreads of the output; sums and multiples of the named
            ones should reach every column.
        floor: the error that `carried` has itself.
        deep: whether functions of functions are tried as well.
    """
    pool = [*plain_functions(), *_fitted(x, carried, list(FUNCTIONS.values()))]
    if deep:
        pool += _functions_of_functions(x, carried)
    values = [_unit(named(x)) for named in pool]
    pool = [named for named, column in zip(pool, values, strict=True) if column is not None]
    columns = np.column_stack([column for column in values if column is not None])
    inner, along, total = columns.T @ columns, columns.T @ carried, float((carried**2).sum())
    price = np.array([WEIGHT * named.complexity for named in pool])
    scored: list[tuple[float, tuple[Named, ...]]] = []
    alone = _losses(inner, along, total, np.arange(len(pool))[:, None])
    for size in (1, 2, 3):
        among = range(len(pool)) if size < 3 else sorted(np.argsort(alone)[:MOST_OF_THREE].tolist())
        sets = np.array(list(combinations(among, size)))
        if len(sets):
            losses = _losses(inner, along, total, sets)
            scores = np.log2(losses + floor**2) + price[sets].sum(axis=1)
            best = np.argsort(np.where(losses < (REACH * floor) ** 2, scores, np.inf), kind="stable")[:MOST_SETS]
            near = [i for i in best if losses[i] < (REACH * floor) ** 2]
            scored += [(float(scores[i]), tuple(pool[k] for k in sets[i])) for i in near]
    return sorted(scored, key=lambda each: each[0])[:MOST_SETS]


def _losses(inner: Array, along: Array, total: float, sets: NDArray[np.int64]) -> Array:
    """Return the squares that remain of all columns after projection on each set of functions, (number of sets,)."""
    system = inner[sets[:, :, None], sets[:, None, :]] + RIDGE * np.eye(sets.shape[1])
    right = along[sets]
    explained = (right * np.linalg.solve(system, right)).sum(axis=(1, 2))
    return np.maximum(total - explained, 0.0)


def plain_functions() -> Iterator[Named]:
    """Yield the functions of the library, and cos, at a = 1 and b = 0, and at a = -1 if this differs."""
    for function in (*FUNCTIONS.values(), COSINE):
        for a in (1.0, -1.0) if Absorbs.sign not in function.absorbs else (1.0,):
            yield Named(function, a, 0.0)


def _unit(values: Array) -> Array | None:
    """Return the values centered and of unit length; None if they are not finite or do not vary."""
    if not np.isfinite(values).all():
        return None
    centered = values - values.mean()
    length = float(np.linalg.norm(centered))
    return None if length <= 1e-9 * np.abs(values).max() * len(values) ** 0.5 else centered / length


def _functions_of_functions(x: Array, carried: Array) -> Iterator[Named]:
    for before in INNER.values():
        inner = Named(before, 1.0, 0.0)(x)
        if np.isfinite(inner).all() and np.ptp(inner) > 0:
            yield from _fitted(inner, carried, list(OUTER.values()), before)


def _fitted(x: Array, carried: Array, functions: Sequence[Function], before: Function | None = None) -> Iterator[Named]:
    """Yield each function with the a and b at which it is nearest to what the columns span."""
    q, _ = np.linalg.qr(carried)
    middle, half = (x.max() + x.min()) / 2, np.ptp(x) / 2
    t = (x - middle) / half
    for function in functions:
        if Absorbs.scale in function.absorbs and Absorbs.shift in function.absorbs:
            continue
        start = _nearest_of_grid(function, t, q)
        if start is None:
            continue
        a, b = _nearest(function, t, q, start)
        yield _in_units_of_x(function, a / half, b - a * middle / half, before)


def _in_units_of_x(function: Function, a: float, b: float, before: Function | None) -> Named:
    if Absorbs.scale in function.absorbs:
        a, b = float(np.copysign(1.0, a)), b / abs(a)
        if function.domain in (NOT_ZERO,) or Absorbs.sign in function.absorbs:
            a, b = 1.0, b / a
    if Absorbs.shift in function.absorbs:
        b = 0.0
    return Named(function, float(a), float(b), before)


def _nearest_of_grid(function: Function, t: Array, q: Array) -> tuple[float, float] | None:
    """Return the pair (scale, shift) of the grid at which the function of t is nearest to the span of q."""
    grid = search_grid(function)
    some = np.linspace(0, len(t) - 1, min(len(t), SAMPLES)).round().astype(int)
    u = grid[:, :1] * torch.from_numpy(t[some]) + grid[:, 1:]
    holds = function.domain.holds(u.amin(dim=1), u.amax(dim=1))
    values = function.torch(u[holds]).numpy()
    if len(values) == 0:
        return None
    distance = _distance(values, np.linalg.qr(q[some] - q[some].mean(axis=0))[0])
    best = int(np.nanargmin(np.where(np.isfinite(distance), distance, np.inf)))
    scale, shift = grid[holds][best].tolist()
    return (scale, shift) if np.isfinite(distance[best]) else None


def _distance(values: Array, q: Array) -> Array:
    """Return of each row of values, centered and of unit length, the distance to the span of q."""
    with np.errstate(all="ignore"):
        centered = values - values.mean(axis=1, keepdims=True)
        length = np.linalg.norm(centered, axis=1)
        length = np.where(length > 1e-3 * np.abs(values).max(axis=1), length, np.nan)
        unit = centered / length[:, None]
        return np.sqrt(np.maximum(1.0 - ((unit @ q) ** 2).sum(axis=1), 0.0))


def _nearest(function: Function, t: Array, q: Array, start: tuple[float, float]) -> tuple[float, float]:
    """Refine a pair (scale, shift) by Gauss-Newton steps on the part of the function that q does not reach."""
    free = [Absorbs.scale not in function.absorbs, Absorbs.shift not in function.absorbs]
    points = torch.from_numpy(t)

    def pair(free_values: Array) -> Array:
        values = np.array(start)
        values[free] = free_values
        return values

    def outside(free_values: Array) -> Array:
        scale, shift = pair(free_values)
        u = scale * points + shift
        if not function.domain.holds(u.min(), u.max()) or not SCALES[0] <= abs(scale) <= SCALES[1]:
            return np.full(len(t), 1.0)
        unit = _unit(function.torch(u).numpy())
        return np.full(len(t), 1.0) if unit is None else unit - q @ (q.T @ unit)

    found = least_squares(outside, np.array(start)[free], method="lm", max_nfev=40 * sum(free))
    scale, shift = pair(found.x)
    return float(scale), float(shift)
