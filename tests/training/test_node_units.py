"""No optimizer sees the aggregation: networks that are the same function take the same steps."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kanbench import KAN
from kanbench.bases import BASES
from kanbench.models import Aggregation, BaseBranch, EdgeScale
from kanbench.training import LBFGS, SGD, Adam, Ensemble, LevenbergMarquardt, train
from kanbench.training.steps import states

OPTIMIZERS = {
    "lm": LevenbergMarquardt(steps=5, check_every=5),
    "lbfgs": LBFGS(steps=5, check_every=5),
    "adam": Adam(steps=5, check_every=5, rates=(0.01,)),
    "sgd": SGD(steps=5, check_every=5, rates=(0.01,), batch=0),
}


def same_function(model, aggregation, **switches):
    """The same network with another aggregation: what an edge is proportional to takes the change of the factor."""
    shape = [layer.n_in for layer in model] + [model[-1].n_out]
    other = KAN(shape, model[0].basis, aggregation, generator=torch.Generator(), dtype=torch.float64, **switches)
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        for ours, theirs in zip(other, model, strict=True):
            scaled = ours.scale if switches.get("edge_scale") is EdgeScale.edge else ours.coefficients
            scaled *= theirs.factor / ours.factor
    return other


def path(model, optimizer, x, y, rounding=0.0):
    """The predictions of a network before and after training; `rounding` moves the start by so much, relatively."""
    ensemble = Ensemble([model])
    theta = ensemble.start * (1.0 + rounding)
    every = states(optimizer, ensemble, x, y, rates=torch.full((1,), 0.01, dtype=torch.float64), theta=theta)
    return torch.stack([ensemble.predict(state.theta, x).detach() for state in every])


@given(
    kind=st.sampled_from(sorted(BASES)),
    hidden=st.lists(st.integers(2, 4), min_size=1, max_size=3),
    n_in=st.integers(2, 4),
    aggregation=st.sampled_from([Aggregation.mean, Aggregation.sum_over_sqrt]),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None)
def test_a_mean_and_a_sum_that_start_from_the_same_functions_take_the_same_steps(
    kind, hidden, n_in, aggregation, optimizer, seed
):
    draws = torch.Generator().manual_seed(seed)
    model = KAN([n_in, *hidden, 1], BASES[kind](), generator=draws, dtype=torch.float64)
    x = 2.0 * torch.rand(1, 60, n_in, generator=draws, dtype=torch.float64) - 1.0
    y = torch.sin(3.0 * x.sum(dim=2))
    ours, theirs = (path(each, OPTIMIZERS[optimizer], x, y) for each in (model, same_function(model, aggregation)))
    # A line search may decide otherwise by a rounding error: such starts say nothing of aggregations.
    rounded = path(model, OPTIMIZERS[optimizer], x, y, rounding=4e-16)
    assume(torch.allclose(rounded, ours, rtol=1e-9, atol=1e-9))
    assert not torch.allclose(ours[0], ours[-1])  # the steps do something
    torch.testing.assert_close(theirs, ours, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("edge_scale", [EdgeScale.basis, EdgeScale.edge])
def test_magnitudes_of_edges_and_base_branches_are_measured_by_what_they_add_to_the_node(name, edge_scale):
    switches = {"edge_scale": edge_scale, "base_branch": BaseBranch.silu}
    draws = torch.Generator().manual_seed(1)
    model = KAN([3, 2, 1], generator=draws, dtype=torch.float64, **switches)
    x = 2.0 * torch.rand(1, 60, 3, generator=draws, dtype=torch.float64) - 1.0
    y = x.prod(dim=2)
    mean = same_function(model, Aggregation.mean, **switches)
    torch.testing.assert_close(
        path(mean, OPTIMIZERS[name], x, y), path(model, OPTIMIZERS[name], x, y), atol=1e-8, rtol=0
    )


def test_a_model_that_was_trained_holds_parameters_and_not_what_they_add_to_nodes():
    draws = torch.Generator().manual_seed(2)
    model = KAN([2, 3, 1], aggregation=Aggregation.mean, generator=draws, dtype=torch.float64)
    x = 2.0 * torch.rand(80, 2, generator=draws, dtype=torch.float64) - 1.0
    y = x[:, 0] * x[:, 1]
    error = train(model, x, y, LevenbergMarquardt(steps=20))
    assert (model(x).squeeze(1) - y).square().mean().item() == pytest.approx(error, rel=1e-9)
