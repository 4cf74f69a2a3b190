"""Conversion of a symbolic network to one sympy expression for each output."""

from collections.abc import Iterable, Sequence

import sympy
from torch import nn

from kanbench.errors import counted, require
from kanbench.interpret.parsing import symbols
from kanbench.interpret.symbolic import SymbolicLayer
from kanbench.interpret.tidying import tidy


def formula(
    layers: Iterable[nn.Module],
    names: Sequence[str],
    digits: int | None = None,
    *,
    inputs: Sequence[tuple[float, float]] | None = None,
    output: tuple[float, float] = (1.0, 0.0),
    pi: bool = False,
    ranges: Sequence[tuple[float, float]] | None = None,
) -> sympy.Expr:
    """Return the formula of a symbolic network in its input variables, exact or rounded and tidied.

    Args:
        layers: the layers of the network, all `SymbolicLayer`s; the last has one output, see `formulas` for more.
        names: the names of the variables, one for each input.
        digits: the number of significant digits to keep, 1 to 15, see `tidy`; None for the exact formula.
        inputs: a pair (scale, shift) for each variable, if the network sees scale * x + shift of it.
        output: a pair (scale, shift), if the value y of the network stands for scale * y + shift.
        pi: whether multiples of pi / 2 are written with pi.
        ranges: a pair (low, high) for each variable, over which the digits count. By default these are the ranges of
            the samples that `snap` fitted the first layer to; for a layer made otherwise, those for which the network
            sees [-1, 1].

    Returns:
        The expression in real symbols of these names, in the units of the variables.

    Raises:
        ValueError: if an edge is not symbolic, or the widths do not fit.

    Example:
        >>> import torch
        >>> from kanbench.interpret import LIBRARY, Fit, SymbolicLayer, formula
        >>> fit = Fit(LIBRARY["sin"], a=2.0, b=0.0, c=3.0, d=0.5, r2=1.0)
        >>> formula([SymbolicLayer(1, 1, {(0, 0): fit})], ["x"], digits=3)
        3*sin(2*x) + 0.5
    """
    layers = list(layers)
    n_out = getattr(layers[-1], "n_out", 1)
    require(n_out == 1, "the last layer", "must have one output", n_out)
    return formulas(layers, names, digits, inputs=inputs, outputs=[output], pi=pi, ranges=ranges)[0]


def formulas(
    layers: Iterable[nn.Module],
    names: Sequence[str],
    digits: int | None = None,
    *,
    inputs: Sequence[tuple[float, float]] | None = None,
    outputs: Sequence[tuple[float, float]] | None = None,
    pi: bool = False,
    ranges: Sequence[tuple[float, float]] | None = None,
) -> list[sympy.Expr]:
    """Return the formula of each output of a symbolic network; those of a classifier are its logits.

    Args:
        layers, names, digits, inputs, pi, ranges: as in `formula`.
        outputs: a pair (scale, shift) for each output, if its value y stands for scale * y + shift.

    Returns:
        One expression for each output, in real symbols of the names.

    Raises:
        ValueError: if an edge is not symbolic, or the widths do not fit.

    Example:
        >>> import torch
        >>> from kanbench.interpret import LIBRARY, Fit, SymbolicLayer, formulas
        >>> fit = Fit(LIBRARY["x"], a=1.0, b=0.0, c=3.0, d=0.0, r2=1.0)
        >>> formulas([SymbolicLayer(1, 2, {(0, 0): fit}, bias=torch.tensor([0.0, 2.0]))], ["x"], digits=3)
        [3*x, 2]
    """
    symbolic = [_require_symbolic(depth, layer) for depth, layer in enumerate(layers)]
    n_in = symbolic[0].n_in
    require(len(names) == n_in, "names", f"must be {counted(n_in, 'name')}, one for each input", list(names))
    require(len(set(names)) == len(names), "names", "must differ", list(names))
    maps = [(1.0, 0.0)] * len(names) if inputs is None else inputs
    require(len(maps) == len(names), "inputs", f"must be {len(names)} pairs (scale, shift)", maps)
    ends = [(1.0, 0.0)] * symbolic[-1].n_out if outputs is None else outputs
    require(len(ends) == symbolic[-1].n_out, "outputs", f"must be {symbolic[-1].n_out} pairs (scale, shift)", ends)
    values = [_affine(x, *pair) for x, pair in zip(symbols(names), maps, strict=True)]
    for layer in symbolic:
        values = layer_expressions(layer, values)
    expressions = [_affine(value, *pair) for value, pair in zip(values, ends, strict=True)]
    if digits is None:
        return expressions
    ranges = _ranges_of(symbolic[0], maps) if ranges is None else ranges
    require(len(ranges) == len(names), "ranges", f"must be {len(names)} pairs (low, high)", ranges)
    over = dict(zip(names, ranges, strict=True))
    return [tidy(expression, digits, pi=pi, ranges=over) for expression in expressions]


def _ranges_of(first: SymbolicLayer, maps: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the ranges of the variables for which the first layer sees those that it was fitted on, or [-1, 1]."""
    seen = first.ranges or ((-1.0, 1.0),) * len(maps)
    return [_before(pair, *of_x) for pair, of_x in zip(seen, maps, strict=True)]


def _before(seen: tuple[float, float], scale: float, shift: float) -> tuple[float, float]:
    """Return the range of x for which scale * x + shift covers the range `seen`; the point 0 if the scale is 0."""
    if scale == 0.0:
        return 0.0, 0.0
    low, high = sorted((end - shift) / scale for end in seen)
    return low, high


def layer_expressions(layer: SymbolicLayer, inputs: Sequence[sympy.Expr]) -> list[sympy.Expr]:
    """Return the outputs of one layer as expressions of its inputs."""
    outputs = [sympy.Float(bias) for bias in layer.bias.tolist()]
    constants = layer.constants.T.tolist()
    for (i, j), function, (a, b, c, d) in zip(layer.edges, layer.functions, constants, strict=True):
        outputs[j] += _affine(function.sympy(_affine(inputs[i], a, b)), c, d)
    return outputs


def _affine(x: sympy.Expr, scale: float, shift: float) -> sympy.Expr:
    return (x if scale == 1.0 else sympy.Float(scale) * x) + (0 if shift == 0.0 else sympy.Float(shift))


def _require_symbolic(depth: int, layer: nn.Module) -> SymbolicLayer:
    if isinstance(layer, SymbolicLayer) and layer.rest is None:
        return layer
    active = getattr(layer, "active", None)
    if active is None:
        raise ValueError(f"layer {depth} is a {type(layer).__name__}, which has no formula; snap its edges first")
    named = set(layer.edges) if isinstance(layer, SymbolicLayer) else set()
    i, j = next(edge for edge in map(tuple, active.nonzero().tolist()) if edge not in named)
    raise ValueError(f"layer {depth}, input {i}, output {j}: the edge has no named function; snap it first")
