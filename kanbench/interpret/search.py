"""Search for a and b of c f(a x + b) + d: a grid, refined by Gauss-Newton steps, for many functions at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.func import vjp

from kanbench.interpret.library import Absorbs, Function

SPREAD = 1e-3  # relative; an f that varies less is the limit of a simpler function, where c grows without bounds
SCALES = 1e-2, 1e2  # bounds of a times half the range of x; beyond them are limits of simpler functions, too
WIDENED = 1e-9  # relative distance by which the domain has to reach beyond the data during the search
GRID_SAMPLES, REFINED_SAMPLES = 100, 300  # largest numbers of samples
STARTS, STEPS = 4, 40  # starts of the refinement for each function, and its steps
CONVERGED = 1e-9  # relative gain of a step below which the refinement of a start ends


def best_inner(functions: Sequence[Function], t: Tensor, y: Tensor) -> list[tuple[float, float] | None]:
    """Find the (scale, shift) for each function whose inner value scale * t + shift explains y best.

    Args:
        functions: the functions.
        t: sorted samples (n,) from -1 to 1.
        y: values (n,) at these.

    Returns:
        A pair for each function, or None if no pair is allowed.
    """
    candidates = Candidates.none()
    for function in functions:
        candidates = candidates.joined(_starts(function, *_thinned(t, y, GRID_SAMPLES)))
    refined, loss = _refined(candidates, *_thinned(t, y, REFINED_SAMPLES))
    return [
        (pairs[losses.argmin(), 0].item(), pairs[losses.argmin(), 1].item()) if len(pairs) else None
        for pairs, losses in zip(refined.split(), loss.split(refined.sizes), strict=True)
    ]


@dataclass(frozen=True)
class Candidates:
    """Pairs (scale, shift) for several functions.

    `inner` (k, 2) holds them: the first `sizes[0]` belong to the first function, and so on.
    """

    functions: tuple[Function, ...]
    sizes: tuple[int, ...]
    inner: Tensor

    @classmethod
    def none(cls) -> "Candidates":
        return cls((), (), torch.empty(0, 2, dtype=torch.float64))

    def joined(self, other: "Candidates") -> "Candidates":
        inner = torch.cat([self.inner, other.inner])
        return Candidates(self.functions + other.functions, self.sizes + other.sizes, inner)

    def split(self) -> tuple[Tensor, ...]:
        return self.inner.split(self.sizes)

    def inner_values(self, t: Tensor) -> Tensor:
        """Return scale * t + shift of every candidate: (n,) -> (k, n)."""
        return torch.addcmul(self.inner[:, 1:], self.inner[:, :1], t)

    def outer_values(self, u: Tensor) -> Tensor:
        """Return the functions of the inner values: (k, n) -> (k, n)."""
        return torch.cat([f.torch(part) for f, part in zip(self.functions, u.split(self.sizes), strict=True)])

    def allowed(self) -> Tensor:
        """Return a mask (k,): the scale is within bounds, and the domain holds slightly beyond t in [-1, 1]."""
        scale, shift = self.inner[:, 0].abs(), self.inner[:, 1]
        ends = torch.stack([shift - scale * (1.0 + WIDENED), shift + scale * (1.0 + WIDENED)])
        parts = zip(self.functions, ends.split(self.sizes, dim=1), strict=True)
        defined = torch.cat([f.domain.holds(*part) for f, part in parts])
        return defined & (scale >= SCALES[0]) & (scale <= SCALES[1])

    def free(self) -> Tensor:
        """Return a mask (k, 2) of the constants that have to be searched for."""
        absorbed = [[Absorbs.scale in f.absorbs, Absorbs.shift in f.absorbs] for f in self.functions]
        return ~torch.tensor(absorbed).repeat_interleave(torch.tensor(self.sizes), dim=0)

    def at(self, inner: Tensor) -> "Candidates":
        return replace(self, inner=inner)


@dataclass
class Projection:
    """Projection of y on c f + d with the best c and d, for k candidates."""

    loss: Tensor  # (k,) 1 - R^2, infinite where the candidate cannot be used
    residual: Tensor  # (k, n)
    c: Tensor  # (k, 1)
    unit: Tensor  # (k, n) f, centered and of unit length


def _project(candidates: Candidates, f: Tensor, y: Tensor) -> Projection:
    size = f.abs().amax(dim=1)
    f = f - f.mean(dim=1, keepdim=True)
    length = f.norm(dim=1, keepdim=True)
    unit = f / length
    y = y - y.mean()
    along = (unit @ y).unsqueeze(1)
    residual = y - along * unit
    loss = residual.square().sum(dim=1) / y.square().sum()
    spread = length.squeeze(1) / math.sqrt(f.shape[1])
    usable = candidates.allowed() & (spread > SPREAD * size) & loss.isfinite()  # NaN compares as False
    return Projection(torch.where(usable, loss, torch.inf), residual, along / length, unit)


def _starts(function: Function, t: Tensor, y: Tensor) -> Candidates:
    """Return the best candidates of the grid for one function."""
    grid = search_grid(function)
    candidates = Candidates((function,), (len(grid),), grid)
    loss = _project(candidates, candidates.outer_values(candidates.inner_values(t)), y).loss
    loss, best = loss.topk(min(STARTS, len(grid)), largest=False)
    best = best[loss.isfinite()]
    return Candidates((function,), (len(best),), grid[best])


def _refined(candidates: Candidates, t: Tensor, y: Tensor) -> tuple[Candidates, Tensor]:
    """Refine candidates by damped Gauss-Newton steps, each with its own damping; return them and their 1 - R^2 (k,)."""
    free = candidates.free()
    damping = torch.full_like(candidates.inner[:, 0], 1e-3)
    now, slope = _with_slope(candidates, t, y)
    for _ in range(STEPS):
        trial = candidates.at(candidates.inner + _step(now, slope, damping, free, t))
        after, after_slope = _with_slope(trial, t, y)
        better = after.loss < now.loss
        gain = (now.loss - after.loss) / now.loss
        pick = better.unsqueeze(1)
        candidates = candidates.at(torch.where(pick, trial.inner, candidates.inner))
        slope = torch.where(pick, after_slope, slope)
        now = Projection(
            torch.where(better, after.loss, now.loss),
            torch.where(pick, after.residual, now.residual),
            torch.where(pick, after.c, now.c),
            torch.where(pick, after.unit, now.unit),
        )
        damping = damping * torch.where(better, 0.1, 10.0)
        at_rest = torch.where(better, gain < CONVERGED, damping > 1e8) | (now.loss < 1e-29) | ~free.any(dim=1)
        if at_rest.all():
            break
    return candidates, now.loss


def _with_slope(candidates: Candidates, t: Tensor, y: Tensor) -> tuple[Projection, Tensor]:
    """Return the projection, and the derivative of f by the inner value (k, n)."""
    f, back = vjp(candidates.outer_values, candidates.inner_values(t))[:2]
    return _project(candidates, f, y), back(torch.ones_like(f))[0]


def _step(now: Projection, slope: Tensor, damping: Tensor, free: Tensor, t: Tensor) -> Tensor:
    """Solve (J^T J + damping trace I) step = J^T r for each candidate: (k, 2), zero where there is no solution."""
    jacobian = torch.stack([slope * t, slope], dim=1) * (now.c * free).unsqueeze(2)  # (k, 2, n) of c f + d by a and b
    jacobian = jacobian - jacobian.mean(dim=2, keepdim=True)
    jacobian = jacobian - (jacobian @ now.unit.unsqueeze(2)) * now.unit.unsqueeze(1)
    system = jacobian @ jacobian.mT
    trace = system.diagonal(dim1=1, dim2=2).sum(dim=1)
    system = system + torch.diag_embed((damping * trace).unsqueeze(1).expand(-1, 2))
    factor, _ = torch.linalg.cholesky_ex(system)
    step = torch.cholesky_solve(jacobian @ now.residual.unsqueeze(2), factor).squeeze(2)
    return step.nan_to_num(0.0, 0.0, 0.0)


def search_grid(function: Function) -> Tensor:
    """Return the starting pairs (scale, shift) of the inner value scale * t + shift for t in [-1, 1]: (k, 2).

    They cover up to 10 periods of a sine, bends in and about the range, and zeros outside it from near to far.
    """
    float64 = torch.float64
    if Absorbs.scale in function.absorbs:
        scales = torch.ones(1, dtype=float64)
        beyond = 1.0 + torch.logspace(-4, 2, 19, dtype=float64)
        shifts = torch.cat([torch.linspace(-1, 1, 41, dtype=float64), beyond, -beyond]).unsqueeze(0)
    else:
        scales = torch.cat([torch.logspace(-2, -0.4, 6, dtype=float64), torch.arange(0.5, 32.5, 0.5, dtype=float64)])
        phases = torch.arange(-3, 5, dtype=float64) * (math.pi / 4)
        bends = torch.linspace(-1.5, 1.5, 13, dtype=float64) * scales.unsqueeze(1)
        shifts = torch.cat([bends, phases.expand(len(scales), -1)], dim=1)
    if Absorbs.sign not in function.absorbs:
        scales, shifts = torch.cat([scales, -scales]), shifts.expand(len(scales), -1).repeat(2, 1)
    if Absorbs.shift in function.absorbs:
        shifts = torch.zeros(len(scales), 1, dtype=float64)
    return torch.stack([scales.unsqueeze(1).expand_as(shifts), shifts], dim=-1).flatten(0, 1)


def _thinned(t: Tensor, y: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return at most n of the samples, at even ranks of t, which is sorted; both ends stay."""
    if len(t) <= n:
        return t, y
    ranks = torch.linspace(0, len(t) - 1, n).round().long()
    return t[ranks], y[ranks]
