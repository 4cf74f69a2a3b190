"""Fits of c f(a x + b) + d to samples of one edge, and their ranking."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.errors import require
from kanbench.interpret.library import LIBRARY, ZERO, Absorbs, Function, select
from kanbench.interpret.search import best_inner

WEIGHT = 2.0  # price of a unit of complexity, in bits
ROUNDING = 1e-13  # a smaller relative spread cannot be told from rounding


@dataclass(frozen=True)
class Fit:
    """A fitted function c f(a x + b) + d.

    Attributes:
        function: the function f.
        a, b, c, d: the constants.
        r2: R^2 on the samples.
        reason: the reason why f cannot be fitted, empty if it can. A fit with a reason is the constant predictor: c = 0
            and R^2 = 0.
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
        """Evaluate the fitted function, elementwise."""
        constant = torch.full_like(x, self.d)
        return constant if self.c == 0.0 else constant + self.c * self.function.torch(self.a * x + self.b)

    def score(self, weight: float, floor: float) -> float:
        """Return log2 of the unexplained variance plus weight x complexity, in bits; lower is better."""
        return math.log2(max(1.0 - self.r2, floor)) + weight * self.complexity


def suggest(
    x: Tensor,
    y: Tensor,
    library: Mapping[str, Function] = LIBRARY,
    *,
    weight: float = WEIGHT,
    floor: float = 1e-10,
) -> list[Fit]:
    """Fit every function of a library to y(x) and rank the fits, the best first; functions that cannot be fitted come
    last.

    The order is that of `Fit.score`: a unit of complexity has to divide the unexplained variance 1 - R^2 by 2^weight to
    be worth it. KAN 2.0 ranks by 0.2 log2(1 - R^2) + 0.8 complexity, which is weight 4. There "0" is preferred to a
    tanh of R^2 = 0.9999; at weight 2 it is preferred to one of 0.99. A function that contains a simpler one as a limit
    gains little over it, so a small weight tells them apart.

    Args:
        x, y: samples of one edge, both (n,).
        library: the functions by name.
        weight: the bits that a unit of complexity costs, at least 0.
        floor: the least 1 - R^2 that counts, positive; it is the noise of the samples.

    Raises:
        ValueError: for a weight or floor out of range, and for samples as in `fit_edge`.

    Source: Liu et al. 2024 (arXiv:2408.10205), section 4.3, with another weight.

    Example:
        >>> import torch
        >>> from kanbench.interpret import suggest
        >>> x = torch.linspace(-1, 1, 100, dtype=torch.float64)
        >>> suggest(x, 2 * torch.sin(3 * x) + 1)[0].name
        'sin'
    """
    require(weight >= 0, "weight", "must not be negative", weight)
    require(floor > 0, "floor", "must be positive", floor)
    return sorted(
        _fits(x, y, list(library.values())),
        key=lambda fit: (fit.reason != "", fit.score(weight, floor), fit.complexity),
    )


def fit_edge(x: Tensor, y: Tensor, function: Function | str, *, inner: tuple[float, float] | None = None) -> Fit:
    """Fit c f(a x + b) + d to samples of one edge by least squares, in float64.

    c and d are linear and solved for at every a and b. The search for a and b starts from a grid over the range of x
    and refines its best points by Gauss-Newton steps, on at most 300 of the samples. An a or b that c and d can make up
    for stays at 1 or 0. Only a and b are tried for which a x + b stays in the domain of the function on all of [min x,
    max x]; a pole between two samples counts.

    Args:
        x, y: samples, both (n,).
        function: a function, or the name of one in `LIBRARY`.
        inner: fixed values of a and b, in place of the search.

    Returns:
        The fit, or the constant predictor with a `reason` if the function cannot be fitted.

    Raises:
        ValueError: for samples that are not finite, or that are not two vectors of one length.
        UnknownName: for a name that is not in the library.

    Source: Golub & Pereyra 1973 (variable projection), with the Jacobian of Kaufman 1975.
    """
    functions = [function] if isinstance(function, Function) else list(select([function]).values())
    return _fits(x, y, functions, inner)[0]


def _fits(x: Tensor, y: Tensor, functions: Sequence[Function], inner: tuple[float, float] | None = None) -> list[Fit]:
    """Apply `fit_edge` to many functions at once."""
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
    """Return the constant predictor, with the reason for it."""
    return Fit(function, 1.0, 0.0, 0.0, y.mean().item(), float(_is_constant(y) and not reason), reason)


def _first_fit(x: Tensor, y: Tensor, f: Function, pairs: list[tuple[float, float]]) -> Fit:
    """Fit with the first possible pair of a and b; if there is none, return the constant predictor with the reason."""
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
    """Return the best c and d for given a and b; None if the function is undefined or constant on the data."""
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
    """Return pairs (a, b) for each function: first with absorbed constants at 1 and 0, then as found; or none."""
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
