"""Trained networks as plain data, from which the page computes their outputs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kanbench.bases import Basis, FreeKnots
from kanbench.interpret import attribute, suggest
from kanbench.models import BaseBranch, KANLayer, Squash
from kanbench.models.edges import run_layers
from kanbench.models.linear import Affine, FourierAffine
from kanbench.models.mlp import FixedActivation, SplineActivation
from kanbench.page.pieces import fit_pieces, plain_pieces

Plain = dict[str, Any]
Expand = Callable[[Tensor], Tensor]  # (n, n_in) -> (n, n_in, n_terms)
BASE_NAMES = {BaseBranch.none: [], BaseBranch.linear: ["identity"], BaseBranch.silu: ["silu"]}
NAMED_EDGES, FITTED_POINTS, CANDIDATES = 8, 120, 3
ROOM = 0.5  # relative margin on each side of a layer's inputs, which move with the coefficients


class NoPicture(ValueError):
    """The page cannot draw this network as sums over edges; the message says why."""


@torch.no_grad()
def plain_network(model: nn.Module, x: Tensor) -> list[Plain]:
    """Describe a network with inputs near x (n, n_in), with all layers as KAN layers.

    An edge from i to j of a layer is sum_t weights[i][t][j] f_it(z_i), where z is the squashed input; a node adds its
    bias. The f are the functions of a basis, as piecewise polynomials, and after them named functions that the page
    implements. An MLP is a network of the same kind: each activation is the only function of the edges that leave it.
    Random Fourier features become two layers, one for the angles and one for their sines and cosines.

    Raises `NoPicture` for a network that is not a plain sequence of these layers.
    """
    if not isinstance(model, nn.Sequential):
        raise NoPicture(f"a {type(model).__name__} is not a sequence of layers")
    layers: list[Plain] = []
    functions: Plain = {}  # of the edges that leave an activation, for the next layer
    values = x
    for module in model:
        if type(module) is KANLayer and not functions:
            layers.append(_kan_layer(module, values))
        elif type(module) in (FixedActivation, SplineActivation) and not functions:
            functions = _activation(module, values)
        elif isinstance(module, Affine) and type(module) in (Affine, FourierAffine):
            layers += _affine_layers(module, functions or _named("identity"))
            functions = {}
        else:
            raise NoPicture(f"the page cannot draw a {type(module).__name__} at this position in a network")
        values = module(values)
    if functions:
        raise NoPicture("the page cannot draw a network that ends with an activation")
    if not values.isfinite().all():
        raise NoPicture("its outputs are not finite")
    if not torch.allclose(values, model(x)):
        raise NoPicture(f"a {type(model).__name__} is more than its layers, one after the other")
    return layers


def _kan_layer(layer: KANLayer, x: Tensor) -> Plain:
    z, is_squashed = layer.squashed(x), layer.squash is Squash.tanh
    return {
        "squash": [layer.basis.low, layer.basis.high] if is_squashed else None,
        "pieces": _pieces(layer.basis, layer.expand, z, 0.0 if is_squashed else ROOM, _knots(layer)),
        "named": BASE_NAMES[layer.base_branch],
        "weights": layer.node_weights().tolist(),
        "bias": [0.0] * layer.n_out if layer.bias is None else layer.bias.tolist(),
        "active": layer.active.tolist(),
    }


def _knots(layer: KANLayer) -> Tensor:
    """Return the knots of the functions of every input, as far as they are known: (n_in, n_knots)."""
    if layer.knots is not None:
        return layer.knots
    if isinstance(layer.basis, FreeKnots) and layer.inner is not None:
        return layer.basis.from_unit(layer.basis.knots(layer.inner))
    return _grid(layer.basis).expand(layer.n_in, -1)


def _grid(basis: Basis) -> Tensor:
    """Return the knots of a uniform grid, with as many beyond each end of the domain; none for other bases."""
    intervals = getattr(basis, "intervals", 0)
    steps = torch.arange(-intervals, 2 * intervals + 1, dtype=torch.float64) / max(intervals, 1)
    return basis.low + (basis.high - basis.low) * steps if intervals else torch.empty(0, dtype=torch.float64)


def _activation(module: nn.Module, z: Tensor) -> Plain:
    """Return the functions shared by all edges that leave an activation; a learnable one adds functions of its own."""
    if isinstance(module, FixedActivation):
        return _named(module.activation.value)
    assert isinstance(module, SplineActivation)
    knots = _grid(module.basis).expand(z.shape[-1], -1)
    ones = torch.ones_like(module.coefficients[:, :1])
    weights = torch.cat([module.coefficients, ones], dim=1)
    return {"pieces": _pieces(module.basis, module.basis.expand, z, ROOM, knots), "named": ["silu"], "weights": weights}


def _named(*names: str) -> Plain:
    return {"pieces": None, "named": list(names)}


def _affine_layers(layer: Affine, functions: Plain) -> list[Plain]:
    """Return one layer, or two with random Fourier features, where the first has no bias."""
    if not isinstance(layer, FourierAffine):
        return [_dense(functions, layer.weight.unsqueeze(1), layer.bias)]
    angles = _dense(functions, layer.frequencies.unsqueeze(1), torch.zeros_like(layer.frequencies[0]))
    waves = layer.weight.unflatten(0, (2, -1)).transpose(0, 1)  # (n_frequencies, 2, n_out)
    return [angles, _dense(_named("sin", "cos"), waves, layer.bias)]


def _dense(functions: Plain, weights: Tensor, bias: Tensor) -> Plain:
    """Return a fully connected layer; weights (n_in, n_terms, n_out) follow the weights that its functions bring."""
    if (of_node := functions.get("weights")) is not None:
        weights = of_node.unsqueeze(-1) * weights
    active = torch.ones(weights.shape[0], weights.shape[-1], dtype=torch.bool)
    parts = {"weights": weights.tolist(), "bias": bias.tolist(), "active": active.tolist()}
    return {"squash": None} | functions | parts


def _pieces(basis: Basis, expand: Expand, z: Tensor, room: float, knots: Tensor) -> Plain:
    """Return the functions of every input, or of the first if all are equal, as polynomials between their knots.

    They cover the domain of the basis and the values z (n, n_in), with a margin on both sides. Beyond the margin the
    last value is used.
    """
    n_in, margin = z.shape[-1], room * (z.max() - z.min()).item()
    low, high = min(basis.low, z.min().item() - margin), max(basis.high, z.max().item() + margin)

    def of_input(i: int, points: np.ndarray) -> np.ndarray:
        return expand(torch.from_numpy(points).unsqueeze(1).expand(-1, n_in))[:, i].numpy()

    def ends(i: int) -> list[float]:
        return sorted({low, basis.low, basis.high, high, *(knot for knot in knots[i].tolist() if low < knot < high)})

    sample = np.linspace(low, high, 101)
    same = all((of_input(i, sample) == of_input(0, sample)).all() for i in range(n_in))
    of_inputs = [fit_pieces(partial(of_input, i), ends(i)) for i in range(1 if same else n_in)]
    error = max(piece.error for pieces in of_inputs for piece in pieces)
    return {"name": type(basis).__name__, "error": error, "inputs": [plain_pieces(pieces) for pieces in of_inputs]}


@torch.no_grad()
def candidates(model: nn.Module, x: Tensor) -> list[list[Plain]]:
    """Return for every layer the symbolic candidates of its most important edges, the best first; none for an MLP.

    Each is c f(a x + b) + d of an input of the layer, with its R^2 on the samples x (n, n_in).
    """
    if not isinstance(model, nn.Sequential) or not all(isinstance(layer, KANLayer) for layer in model):
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
