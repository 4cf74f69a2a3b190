"""Trained networks as plain data: what the page needs to compute their outputs itself."""

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kanbench.bases import RBF, BSpline, Chebyshev, Fourier, FreeKnots, Rational, ReLUBumps, Taylor
from kanbench.interpret import attribute, suggest
from kanbench.interpret.edges import run_layers
from kanbench.models import BaseBranch, KANLayer, Squash
from kanbench.models.linear import Affine
from kanbench.models.mlp import FixedActivation, SplineActivation
from kanbench.page.pieces import fit_pieces, plain_pieces

Plain = dict[str, Any]
TWINS = (BSpline, Chebyshev, Fourier, RBF, ReLUBumps, Taylor)  # that bases.js computes; others become polynomials
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
    if isinstance(layer.basis, Rational) and layer.inner is not None:
        return _twin(layer.basis) | {"inner": layer.inner.tolist()}
    if type(layer.basis) not in TWINS or layer.inner is not None:
        return _pieces(layer, z)
    knots = {} if layer.knots is None else {"knots": layer.knots.tolist()}
    return _twin(layer.basis) | knots


def _twin(basis: Any) -> Plain:
    return {"kind": type(basis).__name__, **asdict(basis)}


def _single(name: str) -> Plain:
    return {"kind": name}


def _pieces(layer: KANLayer, z: Tensor) -> Plain:
    """The functions of every input, or of the first if they are the same, as polynomials on pieces of domain and data.

    Beyond them the last polynomial ends, and its last value stands for all.
    """
    low, high = layer.basis.low, layer.basis.high
    ends = sorted({min(low, z.min().item()), low, high, max(high, z.max().item())})

    def of_input(i: int, points: np.ndarray) -> np.ndarray:
        return layer.expand(torch.from_numpy(points).unsqueeze(1).expand(-1, layer.n_in))[:, i].numpy()

    sample = np.linspace(ends[0], ends[-1], 101)
    same = all((of_input(i, sample) == of_input(0, sample)).all() for i in range(layer.n_in))
    of_inputs = [fit_pieces(partial(of_input, i), ends) for i in range(1 if same else layer.n_in)]
    error = max(piece.error for pieces in of_inputs for piece in pieces)
    about = {"name": type(layer.basis).__name__, "error": error}
    return {"kind": "pieces", **about, "inputs": [plain_pieces(pieces) for pieces in of_inputs]}


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
