"""From one output of a fitted KAN to a formula in the units of the data."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor

from kanbench.interpret import formula, prune, snap_network
from kanbench.models import KAN, KANLayer
from kanbench.models.edges import edge_layers
from kanbench.training import LBFGS, LevenbergMarquardt, train

ROUNDS = 4  # of sparse training and pruning at most
SPARSE_STEPS = 60
CONSTANTS = LevenbergMarquardt(steps=200)


@dataclass(frozen=True)
class Output:
    """A KAN with one output, the targets (n,) for it, and the (scale, shift) from its output to the user's units."""

    model: KAN
    y: Tensor
    units: tuple[float, float] = (1.0, 0.0)


@dataclass(frozen=True)
class Named:
    """A formula, and its R^2 on the rows that it was trained on."""

    expression: sympy.Expr
    r2: float


def name_output(
    output: Output,
    x: Tensor,
    names: Sequence[str],
    inputs: Sequence[tuple[float, float]],
    digits: int,
    sparsity: float,
) -> Named:
    """Find the formula of an output on rows x (n, n_in), in variables that `inputs` map to those of the network.

    Raises `ValueError` if no edge is left, or if the formula cannot be trained.
    """
    y, model = output.y, deepcopy(output.model)
    if bool((y == y[0]).all()):
        scale, shift = output.units
        return Named(sympy.Float(scale * y[0].item() + shift), 1.0)
    for _ in range(ROUNDS):
        before = _n_edges(model)
        train(model, x, y, LBFGS(steps=SPARSE_STEPS), sparsity=sparsity)
        model = prune(model, x)
        if _n_edges(model) == before:
            break
    train(model, x, y, LevenbergMarquardt(steps=80))
    named = snap_network(model, x)
    error = train(named, x, y, CONSTANTS)
    expression = formula(named, names, digits, inputs=inputs, output=output.units, pi=True)
    return Named(expression, 1.0 - error / float(y.var(correction=0)))


@torch.no_grad()
def output_of(model: KAN, which: int, minus: int | None = None) -> KAN:
    """Return the network with one output alone, or with the difference of two."""
    single = deepcopy(model)
    last = _last(single)
    mask = torch.arange(last.n_out) == which
    part = last.sublayer(torch.ones(last.n_in, dtype=torch.bool), mask, last.active)
    if minus is not None:
        part.coefficients.sub_(last.coefficients[..., minus : minus + 1])
        _bias(part).sub_(_bias(last)[minus])
    single[-1] = part
    return single


@torch.no_grad()
def standardized(model: KAN, x: Tensor) -> Output:
    """Return a network with one output, scaled to mean 0 and variance 1 on rows x, with its own values as targets."""
    y = model(x).squeeze(1)
    mean, spread = y.mean(), y.std(correction=0)
    spread = torch.where(spread > 0, spread, 1.0)
    last = _last(model)
    last.coefficients.div_(spread)
    _bias(last).sub_(mean).div_(spread)
    return Output(model, (y - mean) / spread, (spread.item(), mean.item()))


def _last(model: KAN) -> KANLayer:
    layer = model[-1]
    assert isinstance(layer, KANLayer)
    return layer


def _bias(layer: KANLayer) -> Tensor:
    """Return the bias of a layer, which all networks of estimators have."""
    assert layer.bias is not None
    return layer.bias


def _n_edges(model: KAN) -> int:
    return sum(int(layer.active.sum()) for layer in edge_layers(model))
