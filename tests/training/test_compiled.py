"""Compiled gradients against plain ones; the compiler itself where there is one for C++."""

import shutil

import pytest
import torch

from kanbench.bases import RBF, BSpline, Chebyshev, Sine
from kanbench.methods import KANMethod, MLPMethod
from kanbench.models import Activation
from kanbench.training import SGD, Adam, CompiledEnsemble, Ensemble

METHODS = [
    *(KANMethod(basis=basis) for basis in (Chebyshev(), RBF(), Sine(), BSpline())),
    MLPMethod(activation=Activation.bspline),
]
BATCHES = [*((method, Adam(steps=12, batch=20)) for method in METHODS[:3]), (METHODS[3], SGD(steps=12))]


def models(method, n=3):
    return [method.build(2, 3, torch.Generator().manual_seed(s), torch.float64) for s in range(n)]


def problem(n=50):
    x = 2.0 * torch.rand(3, n, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1.0
    return x, torch.sin(3.0 * x[..., 0]) * x[..., 1]


def train(ensemble, optimizer):
    rates = torch.tensor([1e-3, 1e-2, 3e-2], dtype=torch.float64)
    orders = [torch.Generator().manual_seed(s) for s in range(3)]
    state = optimizer.start(ensemble, ensemble.start, rates, orders)
    optimizer.advance(ensemble, state, *problem(), optimizer.steps)
    return state.theta


@pytest.mark.parametrize(("method", "optimizer"), [*((method, Adam(steps=12)) for method in METHODS), *BATCHES])
def test_training_is_what_it_is_without(method, optimizer):
    """Whole splits, whose first features are computed once, and batches, whose are not."""
    compiled = train(CompiledEnsemble(models(method), backend="aot_eager"), optimizer)
    torch.testing.assert_close(compiled, train(Ensemble(models(method)), optimizer), rtol=1e-10, atol=1e-12)


def test_members_of_their_own_knots_are_not_taken_for_others():
    """Knots are in the trace, which two parts of the same size must not share."""
    method, (x, y) = KANMethod(depth=1, basis=BSpline()), problem()
    moved = models(method)
    for i, model in enumerate(moved):
        model[0].knots = model[0].basis.uniform_knots().repeat(2, 1) * (1.0 + 0.1 * i)
        model[1].knots = model[1].basis.uniform_knots().repeat(3, 1) * (1.0 + 0.2 * i)
    plain, compiled = Ensemble(moved), CompiledEnsemble(moved, backend="aot_eager")
    for which in (torch.tensor([0, 1]), torch.tensor([1, 2])):
        expected = plain.only(which).gradients(plain.start[which], x[which], y[which])
        found = compiled.only(which).gradients(plain.start[which], x[which], y[which])
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_a_basis_that_grew_is_compiled_anew():
    method, (x, y) = KANMethod(basis=Chebyshev(degree=3)), problem()
    grown = CompiledEnsemble(models(method), backend="aot_eager").extended(Ensemble(models(method)).start, 5)
    expected = Ensemble(models(method)).extended(Ensemble(models(method)).start, 5).gradients(grown.start, x, y)
    torch.testing.assert_close(grown.gradients(grown.start, x, y), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ for torch.compile")
def test_compiled_to_machine_code():
    optimizer = Adam(steps=5)
    compiled = train(CompiledEnsemble(models(KANMethod(1, basis=BSpline(intervals=5)))), optimizer)
    torch.testing.assert_close(
        compiled, train(Ensemble(models(KANMethod(1, basis=BSpline(intervals=5)))), optimizer), rtol=1e-10, atol=1e-12
    )
