"""Trained networks as plain data: what the page needs to compute their outputs itself."""

import math
from dataclasses import asdict
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import jvp

from kanbench.bases import RBF, BSpline, Chebyshev, Fourier, FreeKnots, Rational, ReLUBumps, Taylor
from kanbench.interpret import attribute, suggest
from kanbench.interpret.edges import run_layers
from kanbench.models import BaseBranch, KANLayer, Squash
from kanbench.models.linear import Affine
from kanbench.models.mlp import FixedActivation, SplineActivation

Plain = dict[str, Any]
TWINS = (
    BSpline,
    Chebyshev,
    Fourier,
    RBF,
    ReLUBumps,
    Taylor,
)  # bases that bases.js computes as well; others become tables
CLOSE_ENOUGH, FINEST = 1e-8, 1024  # error of a table, and its largest number of steps
NAMED_EDGES, FITTED_POINTS, CANDIDATES = 8, 120, 3


class NoPicture(ValueError):
    """A network that is no sum over edges."""


@torch.no_grad()
def plain_network(model: nn.Sequential, x: Tensor) -> list[Plain]:
    """The layers of a network whose inputs are about x (n, n_in), all as KAN layers.

    An edge from i to j of a layer is sum_t weights[i][t][j] f_it(z_i), z being the squashed input; a node adds its
    bias. The f are a basis with a base branch as its last function where there is one. An MLP is a network of the
    same kind, each activation being the one function of the edges that leave it.

    Raises `NoPicture` for a layer that is neither a KAN layer nor affine nor an activation.
    """
    layers: list[Plain] = []
    before: nn.Module | None = None
    for module in model:
        if isinstance(module, KANLayer):
            layers.append(_kan_layer(module, x))
        elif isinstance(module, Affine):
            layers.append(_affine_layer(module, before))
        elif not isinstance(module, FixedActivation | SplineActivation):
            raise NoPicture(f"a {type(module).__name__} is no sum over edges")
        before, x = module, module(x)
    return layers


def _kan_layer(layer: KANLayer, x: Tensor) -> Plain:
    return {
        "squash": [layer.basis.low, layer.basis.high] if layer.squash is Squash.tanh else None,
        "functions": _functions(layer, layer.squashed(x)),
        "base": layer.base_branch.value if layer.base_branch is not BaseBranch.none else "",
        "weights": (layer.weights() * layer.factor).tolist(),
        "bias": [0.0] * layer.n_out if layer.bias is None else layer.bias.tolist(),
        "active": layer.active.tolist(),
    }


def _affine_layer(layer: Affine, before: nn.Module | None) -> Plain:
    weights, functions, base = layer.weight.unsqueeze(1), _single("identity"), ""
    if isinstance(before, FixedActivation):
        functions = _single(before.activation.value)
    elif isinstance(before, SplineActivation):
        of_node = torch.cat([before.coefficients, torch.ones_like(before.coefficients[:, :1])], dim=1)
        weights, functions, base = of_node.unsqueeze(-1) * weights, _twin(before.basis), "silu"
    active = torch.ones_like(layer.weight, dtype=torch.bool).tolist()
    parts = {"functions": functions, "base": base, "weights": weights.tolist(), "bias": layer.bias.tolist()}
    return {"squash": None, "active": active, **parts}


def _functions(layer: KANLayer, z: Tensor) -> Plain:
    if isinstance(layer.basis, FreeKnots) and layer.inner is not None:
        moved = layer.basis.from_unit(layer.basis.knots(layer.inner.detach())).tolist()
        return {"kind": "BSpline", **asdict(layer.basis), "knots": moved}
    if isinstance(layer.basis, Rational) and layer.inner is not None:  # a table would round off the kinks of |Q|
        return _twin(layer.basis) | {"inner": layer.inner.tolist()}
    if type(layer.basis) not in TWINS or layer.inner is not None:
        return _tables(layer, z)
    knots = {} if layer.knots is None else {"knots": layer.knots.tolist()}
    return _twin(layer.basis) | knots


def _twin(basis: Any) -> Plain:
    return {"kind": type(basis).__name__, **asdict(basis)}


def _single(name: str) -> Plain:
    return {"kind": name}


def _tables(layer: KANLayer, z: Tensor) -> Plain:
    """The functions of every input at equal steps with their slopes, for cubic Hermite interpolation.

    Steps are halved until the largest error between them, which is kept, is `CLOSE_ENOUGH`, or there are `FINEST`.
    Beyond the domain and the data the table ends, and its last value stands for all.
    """
    low, high = min(layer.basis.low, z.min().item()), max(layer.basis.high, z.max().item())
    steps, error = 32, math.inf
    while error > CLOSE_ENOUGH and steps < FINEST:
        steps *= 2
        values, slopes = _sampled(layer, low, high, steps)
        error = _largest_error(layer, values, slopes, low, high)
    same = bool((values == values[:, :1]).all())
    inputs = range(1 if same else layer.n_in)
    tables = [{"values": _short(values[:, i]), "slopes": _short(slopes[:, i])} for i in inputs]
    about = {"name": type(layer.basis).__name__, "low": low, "high": high, "error": error}
    return {"kind": "table", **about, "tables": tables}


def _sampled(layer: KANLayer, low: float, high: float, steps: int) -> tuple[Tensor, Tensor]:
    """Values and slopes of the functions of every input: (steps + 1, n_in, n_terms) each."""
    z = torch.linspace(low, high, steps + 1, dtype=torch.float64).unsqueeze(1).expand(-1, layer.n_in).contiguous()
    with torch.enable_grad():
        values, slopes = cast(tuple[Tensor, Tensor], jvp(layer.expand, (z,), (torch.ones_like(z),)))
    return values.detach(), slopes.detach()


def _largest_error(layer: KANLayer, values: Tensor, slopes: Tensor, low: float, high: float) -> float:
    """Of the interpolation, at quarters of its steps."""
    steps = len(values) - 1
    truth = _sampled(layer, low, high, 4 * steps)[0]
    errors = [_hermite(values, slopes, (high - low) / steps, k / 4) - truth[k::4] for k in (1, 2, 3)]
    return torch.stack(errors).abs().max().item()


def _hermite(values: Tensor, slopes: Tensor, step: float, t: float) -> Tensor:
    """The cubic of every interval at the fraction t of it."""
    p, q, u, v = values[:-1], values[1:], slopes[:-1] * step, slopes[1:] * step
    return (1 + 2 * t) * (1 - t) ** 2 * p + t * (1 - t) ** 2 * u + t * t * (3 - 2 * t) * q + t * t * (t - 1) * v


def _short(table: Tensor) -> list[list[float]]:
    return [[float(f"{value:.9g}") for value in row] for row in table.tolist()]


@torch.no_grad()
def candidates(model: nn.Sequential, x: Tensor) -> list[list[Plain]]:
    """For every layer the symbolic candidates of the edges that matter most, the best first; none for an MLP.

    Each is c f(a x + b) + d of an input of the layer, with its R^2 on the samples x (n, n_in).
    """
    if not all(isinstance(layer, KANLayer) for layer in model):
        return []
    scores, runs = attribute(model, x).edges, run_layers(model, x[:FITTED_POINTS])
    strongest = torch.cat([score.flatten() for score in scores]).sort(descending=True).values[:NAMED_EDGES]
    found: list[list[Plain]] = []
    for score, run in zip(scores, runs, strict=True):
        edges = (score >= strongest[-1]).nonzero().tolist()
        found.append([{"edge": [i, j], "fits": _fits(run.inputs[:, i], run.edges[:, i, j])} for i, j in edges])
    return found


def _fits(x: Tensor, y: Tensor) -> list[Plain]:
    fits = [fit for fit in suggest(x, y) if fit.reason == ""]
    fits = [fit for fit in fits if fit.r2 > 0.0][:CANDIDATES] or fits[:1]
    return [{"name": fit.name, **{k: getattr(fit, k) for k in ("a", "b", "c", "d", "r2")}} for fit in fits]
