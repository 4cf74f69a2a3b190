"""Attribution: an example for the pencil, and identities."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kanbench.bases import BASES, Taylor
from kanbench.interpret import attribute
from kanbench.models import KAN, KANLayer

# Two columns with mean 0 and no correlation.
X = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]], dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def lines(weights):
    """A layer whose edges are weight * x on [-10, 10]; weights (n_in, n_out)."""
    weights = torch.tensor(weights, dtype=torch.float64)
    layer = KANLayer(*weights.shape, Taylor(-10.0, 10.0, degree=1), dtype=torch.float64)
    with torch.no_grad():
        layer.coefficients.copy_(weights.unsqueeze(1) * 10.0)
    return layer


def test_scores_by_hand():
    # h_1 = 3 x_1 + 4 x_2 and h_2 = 2 x_1 have standard deviations 5 and 2; y = h_1 - 3 h_2 = -3 x_1 + 4 x_2 has 5.
    scores = attribute(nn.Sequential(lines([[3.0, 2.0], [4.0, 0.0]]), lines([[1.0], [-3.0]])), X)
    expected_edges = [[[0.6, 1.2], [0.8, 0.0]], [[1.0], [1.2]]]  # shares of y: 5/5 and 6/5; of h_1: 3/5 and 4/5
    for scored, expected in zip(scores.edges, expected_edges, strict=True):
        torch.testing.assert_close(scored, torch.tensor(expected, dtype=torch.float64))
    for scored, expected in zip(scores.nodes, [[1.8, 0.8], [1.0, 1.2], [1.0]], strict=True):
        torch.testing.assert_close(scored, torch.tensor(expected, dtype=torch.float64))


def test_a_constant_node_passes_nothing_on():
    scores = attribute(nn.Sequential(lines([[1.0], [1.0]]), lines([[0.0]])), X)
    assert torch.equal(scores.nodes[0], torch.zeros(2, dtype=torch.float64))
    opposite = torch.stack([X[:, 0], -X[:, 0]], dim=1)  # two edges that cancel
    assert torch.equal(attribute(nn.Sequential(lines([[1.0], [1.0]])), opposite).nodes[0], scores.nodes[0])


@pytest.mark.parametrize("basis", BASES.values(), ids=BASES)
def test_in_a_chain_everything_has_the_score_of_the_output(basis):
    model = KAN([1, 1, 1, 1], basis(), generator=seeded(2), dtype=torch.float64)
    scores = attribute(model, torch.linspace(-1, 1, 50, dtype=torch.float64).unsqueeze(1))
    for each in (*scores.nodes, *scores.edges):
        torch.testing.assert_close(each, torch.ones_like(each))


@settings(max_examples=25, deadline=None)
@given(
    basis=st.sampled_from([cls() for cls in BASES.values()]), seed=st.integers(0, 1000), scale=st.floats(0.01, 100.0)
)
def test_scores_are_those_of_edges_that_leave_and_ignore_the_scale_of_the_output(basis, seed, scale):
    model = KAN([3, 4, 2], basis, generator=seeded(seed), dtype=torch.float64)
    x = torch.rand(30, 3, generator=seeded(seed), dtype=torch.float64) * 2 - 1
    scores = attribute(model, x)
    for nodes, edges in zip(scores.nodes, scores.edges, strict=False):
        torch.testing.assert_close(nodes, edges.sum(1))
    with torch.no_grad():
        model[1].coefficients *= -scale
        model[1].bias += scale
    for before, after in zip(scores.edges, attribute(model, x).edges, strict=True):
        torch.testing.assert_close(before, after, rtol=1e-9, atol=1e-12)


def test_one_sample_has_no_spread():
    with pytest.raises(ValueError, match=r"^x must hold at least two samples, got 1$"):
        attribute(nn.Sequential(lines([[1.0], [1.0]])), X[:1])
