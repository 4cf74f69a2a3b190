"""Weights of rows against hand-computed numbers, NumPy and automatic differentiation."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from kanbench.data.equations.rows import packed
from kanbench.models import MLP
from kanbench.training.residual import Condition, Problem
from kanbench.training.residual_ensemble import ResidualEnsemble
from kanbench.training.row_weights import (
    balanced_weights,
    causal_weights,
    gradient_norms,
    plain_residuals,
    with_weights,
)

DOUBLE = torch.float64


@dataclass(frozen=True)
class Expression:
    orders: tuple[str, ...]
    of: object

    def __call__(self, x, jet, coefficients):
        return self.of(jet)


VALUE = Expression(("u",), lambda jet: jet["u"])
SLOPE = Problem(("x",), ((-1.0, 1.0),), Expression(("u_x",), lambda jet: jet["u_x"] - 1.0), (Condition(VALUE),))
WAVE = Problem(
    ("x", "t"),
    ((-1.0, 1.0), (-1.0, 1.0)),
    Expression(("u", "u_x", "u_t"), lambda jet: jet["u_t"] + jet["u"] * jet["u_x"]),
    (Condition(VALUE, weight=5.0), Condition(VALUE, weight=0.3, is_paired=True)),
)


def pack(problem, interior, conditions):
    weights = [condition.weight for condition in problem.conditions]
    return torch.from_numpy(packed(interior.numpy(), [each.numpy() for each in conditions], weights))


def tensor(values):
    return torch.tensor(values, dtype=DOUBLE)


def test_weights_of_a_straight_line_are_those_by_hand():
    """u = 3 x - 1: the equation u_x = 1 leaves 2 and u = 0 at x = 1 leaves 2; their gradients are (4, 0) and (4, 4)."""
    ensemble = ResidualEnsemble([MLP([1, 1], "tanh", dtype=DOUBLE)], SLOPE)
    theta = tensor([[3.0, -1.0]])
    x = pack(SLOPE, tensor([[-0.5], [0.0], [0.5]]), [tensor([[1.0]])])[None]
    ones = torch.ones(1, 4, dtype=DOUBLE)
    torch.testing.assert_close(plain_residuals(ensemble, theta, x), tensor([[2.0, 2.0, 2.0, 2.0]]))
    norms = gradient_norms(ensemble, theta, x, ones)
    torch.testing.assert_close(norms, tensor([[4.0, 4.0 * 2**0.5]]))
    weights = balanced_weights(norms)
    torch.testing.assert_close(weights, tensor([[0.5**0.5]]))
    weighted = with_weights(x, torch.cat([torch.ones_like(weights), weights], dim=1), ones)
    torch.testing.assert_close(weighted[..., -1].square(), tensor([[4 / 3, 4 / 3, 4 / 3, 4 * 0.5**0.5]]))
    loss = ensemble.losses(theta, weighted, torch.zeros(1, 4, dtype=DOUBLE))
    torch.testing.assert_close(loss, tensor([4.0 + 0.5**0.5 * 4.0]))


def test_norms_of_gradients_are_those_of_automatic_differentiation():
    """Pairs, weights of conditions that do not count, and weights of rows that do."""
    generator = torch.Generator().manual_seed(0)
    models = [MLP([2, 4, 1], "tanh", generator=generator, dtype=DOUBLE) for _ in range(2)]
    ensemble = ResidualEnsemble(models, WAVE)
    inside, edge, pairs = (torch.rand(2, n, d, generator=generator, dtype=DOUBLE) for n, d in ((6, 2), (3, 2), (4, 4)))
    x = torch.stack([pack(WAVE, inside[m], [edge[m], pairs[m]]) for m in range(2)])
    of_rows = torch.rand(2, 13, generator=generator, dtype=DOUBLE)
    norms = gradient_norms(ensemble, ensemble.start, x, of_rows)
    for m, model in enumerate(models):

        def length(residuals, weights, model=model):
            slopes = torch.autograd.grad((weights * residuals**2).mean(), list(model.parameters()), allow_unused=True)
            return torch.cat([slope.flatten() for slope in slopes if slope is not None]).norm()

        points = inside[m].clone().requires_grad_()
        u = model(points).squeeze(1)
        first = torch.autograd.grad(u.sum(), points, create_graph=True)[0]
        blocks = [
            first[:, 1] + u * first[:, 0],
            model(edge[m]).squeeze(1),
            (model(pairs[m][:, :2]) - model(pairs[m][:, 2:])).squeeze(1),
        ]
        expected = [length(*each) for each in zip(blocks, of_rows[m].split([6, 3, 4]), strict=True)]
        torch.testing.assert_close(norms[m], torch.stack(expected), rtol=1e-10, atol=0.0)


@pytest.mark.parametrize(
    ("norms", "weight"),
    [((1.0, 1e-9), 1e4), ((1.0, 1e9), 1e-2), ((1.0, 0.0), 1e4), ((0.0, 0.0), 1.0), ((torch.nan, 1.0), 1.0)],
)
def test_weights_from_gradients_stay_within_bounds(norms, weight):
    assert balanced_weights(tensor([norms])).item() == weight


def test_causal_weights_are_those_of_the_formula():
    """Slab by slab in NumPy; times at the ends, and slabs without rows."""
    generator = np.random.default_rng(0)
    times = generator.uniform(2.0, 6.0, (2, 30))
    times[:, :2] = [2.0, 6.0]
    squares = generator.exponential(size=(2, 30))
    expected = np.empty((2, 30))
    for m in range(2):
        slabs = np.minimum(np.floor((times[m] - 2.0) / 0.2), 19)
        means = [squares[m][slabs == s].mean() if (slabs == s).any() else 0.0 for s in range(20)]
        expected[m] = [np.exp(-0.3 * sum(means[: int(slab)])) for slab in slabs]
    found = causal_weights(torch.from_numpy(squares), torch.from_numpy(times), 2.0, 6.0, 0.3)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    assert found[0, 0] == 1.0
    assert (found[:, 1] == found.min(dim=1).values).all()


def test_no_row_waits_for_a_residual_that_is_not_finite_at_its_own_time():
    found = causal_weights(tensor([[1.0, torch.nan, 1.0]]), tensor([[0.0, 0.5, 1.0]]), 0.0, 1.0, 1.0)
    torch.testing.assert_close(found, tensor([[1.0, np.exp(-1.0), 0.0]]))
