"""One edge, named: the fit of c f(a x + b) + d to samples of it, and the ranking of such fits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.interpret.library import LIBRARY, ZERO, Absorbs, Function, select
from kanbench.interpret.search import best_inner

WEIGHT = 2.0  # bits that a unit of complexity costs
ROUNDING = 1e-13  # relative; a spread below it is not told from rounding


@dataclass(frozen=True)
class Fit:
    """c f(a x + b) + d beside the samples that it was fitted to, with R^2 there.

    A function that cannot be fitted carries the `reason`, and is the constant predictor: c = 0 and R^2 = 0.
    """

    function: Function
    a: float
    b: float
    c: float
    d: float
    r2: float
    reason: str = ""

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def complexity(self) -> int:
        return self.function.complexity

    def __call__(self, x: Tensor) -> Tensor:
        """Elementwise."""
        constant = torch.full_like(x, self.d)
        return constant if self.c == 0.0 else constant + self.c * self.function.torch(self.a * x + self.b)

    def score(self, weight: float, floor: float) -> float:
        """log2 of the unexplained variance plus weight x complexity: bits, the fewer the better."""
        return math.log2(max(1.0 - self.r2, floor)) + weight * self.complexity


def suggest(
    x: Tensor,
    y: Tensor,
    library: Mapping[str, Function] = LIBRARY,
    *,
    weight: float = WEIGHT,
    floor: float = 1e-10,
) -> list[Fit]:
    """Every function of the library fitted to y(x), the best first, and those that cannot be fitted last.

    The order is that of `Fit.score`: a unit of complexity has to divide the unexplained variance 1 - R^2 by 2^weight
    to be worth it, and 1 - R^2 under `floor` counts as none. KAN 2.0 (arXiv:2408.10205, 0.2 log2(1 - R^2) + 0.8
    complexity) is weight 4, under which "0" is preferred to a tanh of R^2 = 0.9999; at 2 it is to one of 0.99. What
    contains a simpler function as a limit gains little over it, so that a small weight tells them apart.
    """
    require(weight >= 0, "weight", "must not be negative", weight)
    require(floor > 0, "floor", "must be positive", floor)
    return sorted(
        _fits(x, y, list(library.values())),
        key=lambda fit: (fit.reason != "", fit.score(weight, floor), fit.complexity),
    )


def fit_edge(x: Tensor, y: Tensor, function: Function | str, *, inner: tuple[float, float] | None = None) -> Fit:
    """The least-squares fit of c f(a x + b) + d to x (n,), y (n,), in float64; `inner` holds a and b where they are.

    c and d are linear and solved for at every a and b; these come from a grid over the range of x, whose best points
    are refined by Gauss-Newton steps on 300 of the samples at most. a and b that the function absorbs are 1 and 0.
    Only a and b whose a x + b is in the function's domain on all of [min x, max x] are looked at; a pole between two
    samples counts. A function of `LIBRARY` may be given by its name.

    Source: Golub & Pereyra 1973 (variable projection), with the Jacobian of Kaufman 1975.

    Raises `ValueError` for samples that are not finite or not two vectors of one length, `UnknownName` for a name that
    is not there.
    """
    functions = [function] if isinstance(function, Function) else list(select([function]).values())
    return _fits(x, y, functions, inner)[0]


def _fits(x: Tensor, y: Tensor, functions: Sequence[Function], inner: tuple[float, float] | None = None) -> list[Fit]:
    """`fit_edge` for many functions at once."""
    x, y = (v.detach().to("cpu", torch.float64) for v in (x, y))
    require(x.ndim == 1 and x.shape == y.shape and len(x) > 0, "x and y", "must be vectors of one length", x.shape)
    require(bool(x.isfinite().all() and y.isfinite().all()), "x and y", "must be finite", "NaN or infinity")
    if _is_constant(y):
        return [_without_fit(f, y, "" if f == ZERO else f"{f.name}: y is constant, 0 fits it") for f in functions]
    if _is_constant(x):
        return [_without_fit(f, y, "" if f == ZERO else f"{f.name}: all x are the same") for f in functions]
    if inner is not None:
        return [_first_fit(x, y, f, [inner]) for f in functions]
    return [_first_fit(x, y, f, pairs) for f, pairs in zip(functions, _inner_constants(x, y, functions), strict=True)]


def _without_fit(function: Function, y: Tensor, reason: str) -> Fit:
    """The constant predictor."""
    return Fit(function, 1.0, 0.0, 0.0, y.mean().item(), float(_is_constant(y) and not reason), reason)


def _first_fit(x: Tensor, y: Tensor, f: Function, pairs: list[tuple[float, float]]) -> Fit:
    """With the first pair of a and b that is possible; or the reason why none is."""
    if f == ZERO:
        return _without_fit(f, y, "")
    for a, b in pairs:
        fit = _linear_fit(x, y, f, a, b)
        if fit is not None:
            return fit
    tried = "a = {:g}, b = {:g}".format(*pairs[0]) if pairs else "every a and b that was tried"
    needs = f"{f.name}: needs {f.domain.rule} on the data, and finite values that differ"
    return _without_fit(f, y, f"{needs}; with x in [{x.min():g}, {x.max():g}] that fails for {tried}")


def _is_constant(v: Tensor) -> bool:
    return bool(v.max() - v.min() <= ROUNDING * v.abs().max())


def _linear_fit(x: Tensor, y: Tensor, function: Function, a: float, b: float) -> Fit | None:
    """The best c and d for given a and b; none where the function is not defined, or is constant on the data."""
    u = a * x + b
    if not function.domain.holds(u.min(), u.max()):
        return None
    f = function.torch(u)
    if not f.isfinite().all() or _is_constant(f):
        return None
    f_mean, y_mean = f.mean(), y.mean()
    c = ((f - f_mean) @ (y - y_mean)) / (f - f_mean).square().sum()
    residual = y - y_mean - c * (f - f_mean)
    unexplained = residual.square().sum() / (y - y_mean).square().sum()
    constants = (a, b, c.item(), (y_mean - c * f_mean).item())
    return Fit(function, *constants, 1.0 - unexplained.item()) if all(map(math.isfinite, constants)) else None


def _inner_constants(x: Tensor, y: Tensor, functions: Sequence[Function]) -> list[list[tuple[float, float]]]:
    """For each function a and b: first as they are once what it absorbs is taken out, then as found; or none."""
    middle, half = ((x.max() + x.min()) / 2).item(), ((x.max() - x.min()) / 2).item()
    order = x.argsort()
    t, y = ((x - middle) / half)[order], ((y - y.mean()) / y.std())[order]  # t in [-1, 1]
    best = best_inner(functions, t, y)
    return [
        [] if pair is None else _unscaled(function, *pair, middle, half)
        for function, pair in zip(functions, best, strict=True)
    ]


def _unscaled(function: Function, scale: float, shift: float, middle: float, half: float) -> list[tuple[float, float]]:
    a, b = scale / half, shift - scale * (middle / half)
    plain_a, plain_b = (math.copysign(1.0, a), b / abs(a)) if Absorbs.scale in function.absorbs else (a, b)
    return [(plain_a, 0.0 if Absorbs.shift in function.absorbs else plain_b), (a, b)]
