"""The page takes colors, marks and dashes from the figures."""

import colorsys

import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from kanbench.page.styles import SYMBOLS, on_dark, plain_styles
from kanbench.report.figures.style import method_styles

ROWS = [
    ("KAN BSpline", "BSpline", "sum", "", 50.0),
    ("KAN BSpline mean", "BSpline", "mean", "", 50.0),
    ("KAN Taylor sum_over_sqrt", "Taylor", "sum_over_sqrt", "", 50.0),
    ("MLP relu", "", "", "relu", 50.0),
    ("MLP tanh", "", "", "tanh", 50.0),
    ("constant", "", "", "", None),
    ("linear", "", "", "", None),
]
FRAME = pd.DataFrame(ROWS, columns=["method", "basis", "aggregation", "activation", "budget"])


def test_every_method_and_reference_looks_as_in_the_figures():
    styles, ours = method_styles(FRAME), plain_styles(FRAME)
    assert [each["method"] for each in ours] == list(styles)
    for each, style in zip(ours, styles.values(), strict=True):
        assert each["light"] == to_hex(style["color"])
        assert each["mark"] == (SYMBOLS[style["marker"]] if "marker" in style else "")
        assert bool(each["shape"]) == ("marker" in style)
    widths = {each["width"] / style["linewidth"] for each, style in zip(ours, styles.values(), strict=True)}
    assert len(widths) == 1


def test_dashes_are_in_pixels_of_a_line_of_its_width():
    dashes = {each["method"]: each["dash"] for each in plain_styles(FRAME)}
    assert dashes["KAN BSpline"] == []
    assert dashes["KAN BSpline mean"] == [10.0, 3.8]  # 4 and 1.5 times a width of 2.5
    assert len({tuple(dash) for dash in dashes.values()}) > 3


@pytest.mark.parametrize("color", ["#0173b2", "#de8f05", "#029e73", "0.2", "0.6", "black", "white"])
def test_a_color_keeps_its_hue_on_dark_and_is_light_there(color):
    before, after = colorsys.rgb_to_hls(*to_rgb(color)), colorsys.rgb_to_hls(*to_rgb(on_dark(color)))
    assert after[0] == pytest.approx(before[0], abs=0.02)
    assert after[1] > 0.5
