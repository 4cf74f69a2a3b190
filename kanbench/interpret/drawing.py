"""Picture of a network with the function of every edge drawn on it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from torch import Tensor, nn

from kanbench.errors import counted, require
from kanbench.interpret.attribution import attribute
from kanbench.interpret.layout import Card, Layout, Storey, lay_out
from kanbench.models.edges import LayerRun, run_layers

CURVE, FORMULA = "#0072b2", "#d55e00"  # blue and vermilion of Okabe & Ito, safe for the color-blind
POINTS = 80  # points of a curve
FLATTEST = 0.01  # share of a layer's largest range; edges with a smaller range are drawn flat, not stretched
MARGIN = 0.45  # in inches
INSET = 0.1  # space between the frame of a card and its curve, as a share of its side
FONT = 12.0
POINTS_PER_INCH = 72
Look = dict[str, Any]


@torch.no_grad()
def draw(
    model: nn.Sequential,
    x: Tensor,
    names: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw a network: inputs at the bottom, outputs at the top, and every edge's function over the range of its
    samples.

    Lines and curves are stronger for edges with a higher attribution, relative to the highest of their layer. Curves
    fill their frames, so their heights cannot be compared. A symbolic edge is vermilion and carries its function's
    name, which the layer gives in a dictionary `edge_labels` from (input, output) to mathtext.

    Args:
        model: a sequence of layers that are sums over edges.
        x: samples (n, n_in), at least two.
        names: the names of the inputs, as text or mathtext.
        outputs: the names of the outputs.
        title: a text in the upper left corner.

    Returns:
        A matplotlib figure that is not attached to pyplot; save it by `figure.savefig("network.pdf")`.

    Raises:
        ValueError: if there are not as many names as inputs or outputs.
    """
    runs, scores = run_layers(model, x), attribute(model, x)
    layers = [run.layer for run in runs]
    labels = [getattr(layer, "edge_labels", {}) for layer in layers]
    names, outputs = _names(names, "x", layers[0].n_in, "names"), _names(outputs, "y", layers[-1].n_out, "outputs")
    layout = lay_out([layer.active.cpu().numpy() for layer in layers], [bool(each) for each in labels])
    figure, axes = _canvas(layout, title)
    for index, (run, storey) in enumerate(zip(runs, layout.storeys, strict=True)):
        strength = _relative(scores.edges[index]).cpu().numpy()
        curves = _curves(run)
        for card in sorted(storey.cards, key=lambda each: strength[each.source, each.target]):
            edge = card.source, card.target
            ends = layout.nodes[index][card.source], layout.nodes[index + 1][card.target]
            _draw_lines(axes, storey, card, ends, strength[edge])
            _draw_card(axes, storey, card, curves[:, *edge], strength[edge], labels[index].get(edge, ""))
    _draw_nodes(axes, layout, [_relative(score) for score in scores.nodes])
    _write(axes, layout.nodes[0], -0.12, names, va="top")
    _write(axes, layout.nodes[-1], layout.height + 0.12, outputs, va="bottom")
    return figure


def _names(given: Sequence[str] | None, letter: str, count: int, argument: str) -> Sequence[str]:
    if given is None:
        return [f"${letter}$"] if count == 1 else [f"${letter}_{{{i + 1}}}$" for i in range(count)]
    require(len(given) == count, argument, f"must be {counted(count, 'name')}", list(given))
    return given


def _relative(scores: Tensor) -> Tensor:
    highest = scores.max()
    return scores / highest if highest > 0 else torch.zeros_like(scores)


def _curves(run: LayerRun) -> np.ndarray:
    """Return every edge's function over the range of its samples, scaled to [0, 1]: (points, n_in, n_out)."""
    low, high = run.inputs.min(dim=0).values, run.inputs.max(dim=0).values
    steps = torch.linspace(0.0, 1.0, POINTS, dtype=low.dtype, device=low.device).unsqueeze(1)
    values = run.layer.edge_outputs(low + steps * (high - low))
    lowest, highest = values.min(dim=0).values, values.max(dim=0).values
    extent = highest - lowest
    extent = extent.clamp_min(FLATTEST * extent.max()).clamp_min(torch.finfo(extent.dtype).tiny)
    return (0.5 + (values - (lowest + highest) / 2) / extent).cpu().numpy()


def _canvas(layout: Layout, title: str) -> tuple[Figure, Axes]:
    """Return a figure, and axes in inches that fill it."""
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN + (0.3 if title else 0.0)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-MARGIN, width - MARGIN), ylim=(-MARGIN, height - MARGIN))
    axes.set_axis_off()
    axes.text(0.12 - MARGIN, height - MARGIN - 0.12, title, fontsize=FONT, va="top")
    return figure, axes


def _draw_lines(axes: Axes, storey: Storey, card: Card, ends: tuple[float, float], strength: float) -> None:
    """Draw the lines from the nodes at both ends to a card: bent outside the rows of cards, straight between them."""
    source, target = ends
    below = _bend((source, storey.bottom), (card.centre, storey.shelf))
    above = _bend((target, storey.top), (card.centre, storey.ceiling))
    for bend, end in ((below, card.bottom), (above, card.bottom + storey.height)):
        path = Path([*bend, (card.centre, end)], BEND_THEN_LINE)
        axes.add_patch(PathPatch(path, fill=False, color=_grey(strength), linewidth=0.5 + 1.5 * strength))


BEND_THEN_LINE = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO]


def _bend(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Return the points of a cubic Bezier curve that is vertical at both ends."""
    half = (end[1] - start[1]) / 2
    return [start, (start[0], start[1] + half), (end[0], end[1] - half), end]


def _draw_card(axes: Axes, storey: Storey, card: Card, curve: np.ndarray, strength: float, label: str) -> None:
    side, left = storey.side, card.centre - storey.side / 2
    frame: Look = {"facecolor": "white", "edgecolor": _grey(strength), "linewidth": 0.5 + 0.6 * strength}
    axes.add_patch(Rectangle((left, card.bottom), side, storey.height, zorder=3, **frame))
    x = left + side * (INSET + (1 - 2 * INSET) * np.linspace(0.0, 1.0, len(curve)))
    y = card.bottom + side * (INSET + (1 - 2 * INSET) * curve)
    look: Look = {"color": FORMULA if label else CURVE, "zorder": 4}
    axes.plot(x, y, alpha=0.35 + 0.65 * strength, linewidth=(0.8 + 0.8 * strength) * (0.5 + side), **look)
    if label:
        fits = 0.9 * side / TextPath((0, 0), label, size=1).get_extents().width
        size = POINTS_PER_INCH * min(0.7 * storey.caption, fits)
        text: Look = {"fontsize": size, "ha": "center", "va": "center_baseline", "math_fontfamily": "cm"}
        axes.text(card.centre, card.bottom + side + 0.4 * storey.caption, label, **text, **look)


def _grey(strength: float) -> str:
    """Return a shade from light grey (0) to black (1), as matplotlib names greys."""
    return str(0.82 - 0.72 * strength)


def _draw_nodes(axes: Axes, layout: Layout, strengths: Sequence[Tensor]) -> None:
    heights = [*(storey.bottom for storey in layout.storeys), layout.height]
    for places, height, strength in zip(layout.nodes, heights, strengths, strict=True):
        colors = [_grey(each) for each in strength.tolist()]
        axes.scatter(places, [height] * len(places), s=26, c=colors, zorder=5)


def _write(axes: Axes, places: Sequence[float], height: float, names: Sequence[str], va: str) -> None:
    for place, name in zip(places, names, strict=True):
        axes.text(place, height, name, fontsize=FONT, ha="center", va=va, math_fontfamily="cm")
