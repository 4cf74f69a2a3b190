"""A network of named functions as one sympy expression."""

from collections.abc import Iterable, Sequence

import sympy
from torch import nn

from kanbench.errors import require
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
    """What the network computes, in its input variables: exactly, or tidied up to some significant `digits`.

    The network sees scale * x + shift of every variable, by `inputs`, and its value y stands for scale * y + shift,
    by `output`; the formula is in the variables as they are. With `pi`, multiples of pi / 2 are named.

    Digits count over the `ranges` (low, high) of the variables: see `tidy`. Where none are given, they are those of the
    samples that `snap` fitted the first layer to; for a layer that was made otherwise, the network sees [-1, 1].

    Raises `ValueError` where an edge is not symbolic, or the widths do not fit.
    """
    symbolic = [_require_symbolic(depth, layer) for depth, layer in enumerate(layers)]
    require(len(names) == symbolic[0].n_in, "names", f"must be those of {symbolic[0].n_in} inputs", list(names))
    require(symbolic[-1].n_out == 1, "the last layer", "must have one output", symbolic[-1].n_out)
    require(len(set(names)) == len(names), "names", "must differ", list(names))
    maps = [(1.0, 0.0)] * len(names) if inputs is None else inputs
    require(len(maps) == len(names), "inputs", f"must be {len(names)} pairs (scale, shift)", maps)
    values = [_affine(x, *pair) for x, pair in zip(symbols(names), maps, strict=True)]
    for layer in symbolic:
        values = layer_expressions(layer, values)
    expression = _affine(values[0], *output)
    if digits is None:
        return expression
    if ranges is None:
        seen = symbolic[0].ranges or ((-1.0, 1.0),) * len(names)
        ranges = [_before(pair, *of_x) for pair, of_x in zip(seen, maps, strict=True)]
    require(len(ranges) == len(names), "ranges", f"must be {len(names)} pairs (low, high)", ranges)
    return tidy(expression, digits, pi=pi, ranges=dict(zip(names, ranges, strict=True)))


def _before(seen: tuple[float, float], scale: float, shift: float) -> tuple[float, float]:
    """The range of x where scale * x + shift has the range that is seen; one point where x is not seen at all."""
    if scale == 0.0:
        return 0.0, 0.0
    low, high = sorted((end - shift) / scale for end in seen)
    return low, high


def layer_expressions(layer: SymbolicLayer, inputs: Sequence[sympy.Expr]) -> list[sympy.Expr]:
    """The outputs of one layer, as expressions of its inputs."""
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
