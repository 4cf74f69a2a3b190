"""Pictures: nothing covers anything, and what is drawn is what the network does."""

import io
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from kanbench.bases import Taylor
from kanbench.interpret import draw, without_edges
from kanbench.interpret.drawing import CURVE, FORMULA
from kanbench.interpret.layout import lay_out
from kanbench.models import KAN

X = torch.linspace(-1.0, 1.0, 50, dtype=torch.float64)


@settings(max_examples=50, deadline=None)
@given(shape=st.lists(st.integers(1, 9), min_size=2, max_size=4), seed=st.integers(0, 99), captions=st.booleans())
def test_every_edge_has_a_card_and_no_card_covers_another_or_a_line(shape, seed, captions):
    rng = np.random.default_rng(seed)
    active = [rng.random(pair) < rng.choice([0.4, 1.0]) for pair in pairwise(shape)]
    layout = lay_out(active, [captions] * len(active))
    floor = 0.0
    for storey, edges, targets in zip(layout.storeys, active, layout.nodes[1:], strict=True):
        assert {(card.source, card.target) for card in storey.cards} == set(zip(*np.nonzero(edges), strict=True))
        assert len(storey.cards) == edges.sum()
        assert floor == storey.bottom < storey.shelf < storey.ceiling < storey.top
        floor = storey.top
        for card in storey.cards:
            assert storey.side / 2 <= card.centre <= layout.width - storey.side / 2
            assert storey.shelf <= card.bottom <= storey.ceiling - storey.height + 1e-9
        for a, b in combinations(storey.cards, 2):
            apart = abs(a.centre - b.centre)
            # In one row cards stand side by side; in two, the line of each passes beside the cards of the other.
            assert apart > (storey.side if a.bottom == b.bottom else storey.side / 2)
        for target, place in enumerate(targets):
            centres = [card.centre for card in storey.cards if card.target == target]
            assert not centres or place == pytest.approx(np.mean(centres))


def picture(labels=None):
    """y = x_1^2 + 0 x_2 on Taylor polynomials, and its curves from left to right."""
    model = KAN([2, 1], Taylor(degree=2), dtype=torch.float64)
    with torch.no_grad():
        model[0].coefficients.copy_(torch.tensor([[[0.0], [3.0]], [[0.0], [0.0]]]))
    if labels:
        model[0].edge_labels = labels
    figure = draw(model, torch.stack([X, X.flip(0)], dim=1), ["$a$", "speed"], ["out"], title="A title")
    return figure, figure.axes[0].lines


def test_curves_are_the_functions_on_the_edges_within_their_frames():
    figure, curves = picture()
    square, flat = sorted(curves, key=lambda line: line.get_xdata()[0])
    x, y = square.get_data()
    parabola = np.linspace(-1.0, 1.0, len(x)) ** 2
    np.testing.assert_allclose((y - y.min()) / np.ptp(y), parabola, atol=2e-3)
    assert np.ptp(flat.get_ydata()) == 0.0
    assert square.get_linewidth() > flat.get_linewidth()
    assert square.get_alpha() > flat.get_alpha()
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    for line in curves:
        assert sum(frame.get_bbox().contains(*point) for frame in frames for point in line.get_xydata()) == len(x)


def test_texts_are_those_given_and_formulas_stand_out():
    figure, curves = picture({(0, 0): "$x^2$"})
    assert [text.get_text() for text in figure.axes[0].texts] == ["A title", "$x^2$", "$a$", "speed", "out"]
    assert sorted(line.get_color() for line in curves) == sorted([FORMULA, CURVE])
    figure.savefig(io.BytesIO(), format="svg")


@pytest.mark.parametrize("shape", [[1, 1], [2, 5, 1], [4, 10, 10, 1]])
def test_networks_of_any_size_have_one_curve_per_edge(shape):
    model = KAN(shape, dtype=torch.float64)
    x = torch.rand(20, shape[0], dtype=torch.float64) * 2 - 1
    assert len(draw(model, x).axes[0].lines) == sum(a * b for a, b in pairwise(shape))


def test_removed_edges_are_not_drawn():
    model, x = KAN([2, 3, 1], dtype=torch.float64), torch.rand(20, 2, dtype=torch.float64)
    figure = draw(without_edges(model, [(0, 0, 1)], x), x)
    assert len(figure.axes[0].lines) == 8
    assert [text.get_text() for text in figure.axes[0].texts] == ["", "$x_{1}$", "$x_{2}$", "$y$"]


def test_names_must_be_as_many_as_inputs():
    with pytest.raises(ValueError, match=r"^names must be 2 names, got \['a'\]$"):
        draw(KAN([2, 1]), torch.rand(5, 2), ["a"])
