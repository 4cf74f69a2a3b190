"""The styles of the figures for the page, so that a method looks the same in both. Imports no torch."""

import colorsys
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import Affine2D

from kanbench.analysis.scores import Records
from kanbench.report.result import Result

SYMBOLS = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "d": "diamond-tall", "v": "triangle-down",
    "P": "cross", "+": "cross-thin", "*": "star", "X": "x", "x": "x-thin", "<": "triangle-left", ">": "triangle-right",
    "p": "pentagon", "h": "hexagon", "H": "hexagon2", "8": "octagon",
}  # fmt: skip
DASHES = {"--": (3.7, 1.6), "-.": (6.4, 1.6, 1.0, 1.6), ":": (1.0, 1.65)}  # matplotlib's, in units of the line width
WIDER = 1.25  # pixels of the page per point of a figure
RADIUS = 8.0  # of a mark in the legend, in pixels; half of matplotlib's unit

Plain = dict[str, Any]


def plain_styles(records: Records) -> list[Plain]:
    """Return every method, in the order of the figures, with its color on light and dark, mark, dashes and line width.

    mark: a symbol of Plotly, empty for a line without marks.   shape: its outline as an SVG path about (0, 0).
    dash: lengths in pixels, empty for a solid line.
    """
    return [{"method": method} | _plain_style(style) for method, style in Result.of(records).styles.items()]


def _plain_style(style: Plain) -> Plain:
    width = style["linewidth"] * WIDER
    mark = SYMBOLS[style["marker"]] if style.get("marker") else ""
    is_open = mark and style.get("markerfacecolor", style.get("mfc")) in ("none", "white", "w")
    return {
        "light": to_hex(style["color"]),
        "dark": on_dark(style["color"]),
        "mark": f"{mark}-open" if is_open else mark,
        "shape": _outline(style["marker"]) if mark else "",
        "dash": [round(length * width, 1) for length in _lengths(style.get("linestyle", "-"))],
        "width": width,
    }


def _outline(marker: str) -> str:
    """Return the outline of a mark about eight pixels wide."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform() + Affine2D().scale(RADIUS, -RADIUS))
    polygons = [np.asarray(polygon).tolist() for polygon in path.to_polygons()]
    return "".join("M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in polygon) + "Z" for polygon in polygons)


def _lengths(linestyle: Any) -> list[float]:
    """Return the lengths of dashes and gaps in units of the line width; none for a solid line."""
    if isinstance(linestyle, tuple):
        return list(linestyle[1] or [])
    return list(DASHES.get(linestyle, ()))


def on_dark(color: Any) -> str:
    """Return the same hue for a dark page, with inverted lightness: dark colors become light, and black white."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*to_rgb(color))
    return to_hex(colorsys.hls_to_rgb(hue, max(lightness, 1.0 - 0.75 * lightness), saturation))
