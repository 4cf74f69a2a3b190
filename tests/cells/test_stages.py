"""Training in stages: the basis grows, the function stays, and the steps are those of training directly."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kanbench.bases import RBF, BSpline, Chebyshev, Fourier, Taylor
from kanbench.cells import Cell, Precision, run_cell
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod
from kanbench.models import Squash
from kanbench.training import LBFGS, Adam, Ensemble, EnsembleModule, LevenbergMarquardt, fit

STAGED = [
    KANMethod(basis=BSpline(intervals=7), stages=(3, 5, 7)),
    KANMethod(basis=BSpline(intervals=6), stages=(3, 6), squash=Squash.none, depth=2),
    KANMethod(basis=Chebyshev(degree=5), stages=(2, 3, 5)),
    KANMethod(basis=Taylor(degree=4, constant=True), stages=(1, 4)),
    KANMethod(basis=Fourier(harmonics=3), stages=(1, 3)),
]
OPTIMIZERS = [
    LevenbergMarquardt(steps=13, check_every=3),
    LBFGS(steps=13, check_every=3),
    Adam(steps=31, check_every=7, rates=(1e-2, 3e-2), batch=20, doublings=0),
]


def cell(method, optimizer, seeds=(0, 1)):
    task = load_suite("feynman").task("I.27.6")
    sizes = SplitSizes(80, 60, 100)
    return Cell("test", "feynman", task, method, 60, seeds, optimizer, sizes, Precision.double)


def facts(record, *besides):
    names = {"seconds", "peak_memory_bytes", *besides}
    return [{name: value for name, value in member.items() if name not in names} for member in record.members]


def problem(n, seed):
    x = torch.rand(2, n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return x, torch.sin(3 * x[..., 0]) * x[..., 1]


def kind(value):
    return type(getattr(value, "basis", value)).__name__


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=kind)
def test_one_stage_is_no_stage_to_the_last_bit(optimizer):
    direct, staged = (
        run_cell(cell(KANMethod(basis=BSpline(intervals=5), stages=stages), optimizer)) for stages in ((), (5,))
    )
    assert facts(staged, "method", "cell") == facts(direct, "method", "cell")
    assert staged.curve == direct.curve


class Watched(EnsembleModule):
    """Keeps the training losses on both sides of every boundary, at the last theta and at the best one."""

    def _grow(self):
        before = self.training_losses()
        super()._grow()
        self.sides = [*getattr(self, "sides", []), (before, self.training_losses())]

    def training_losses(self):
        thetas = torch.stack([self.state.theta, self.best_theta])
        return torch.stack([self.ensemble.losses(theta, *problem(50, 0)) for theta in thetas])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=kind)
@pytest.mark.parametrize("method", STAGED, ids=kind)
def test_the_loss_does_not_change_at_a_boundary(method, optimizer):
    models = [method.first.build(2, 2, torch.Generator().manual_seed(seed), torch.float64) for seed in range(2)]
    rates = torch.full((2,), 1e-2, dtype=torch.float64)
    orders = [torch.Generator().manual_seed(seed) for seed in range(2)]
    module = Watched(Ensemble(models), optimizer, rates, orders, method.stages)
    curve = fit(module, problem(50, 0), problem(40, 1), accelerator="cpu", precision="64-true", logger=None)
    assert len(module.sides) == len(method.stages) - 1
    for before, after in module.sides:
        torch.testing.assert_close(after, before, rtol=1e-9, atol=0)
    best = torch.tensor(curve.validation, dtype=torch.float64).amin(dim=0)
    torch.testing.assert_close(module.ensemble.losses(module.best_theta, *problem(40, 1)), best, rtol=1e-9, atol=0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=kind)
@pytest.mark.parametrize("method", STAGED[1:3], ids=kind)
def test_a_member_reaches_alone_what_it_reaches_in_company(method, optimizer):
    both, alone = (run_cell(cell(method, optimizer, seeds)) for seeds in ((0, 1), (1,)))
    for one, other in zip(both.members[len(alone.members) :], alone.members, strict=True):
        assert (one["seed"], one["lr"], one["evaluations"]) == (1, other["lr"], other["evaluations"])
        assert one["test_rel_l2"] == pytest.approx(other["test_rel_l2"], rel=1e-8)


@pytest.mark.parametrize("method", STAGED, ids=kind)
def test_size_cost_and_protocol_are_those_of_direct_training(method):
    staged, direct = cell(method, OPTIMIZERS[2]), cell(replace(method, stages=()), OPTIMIZERS[2])
    assert (staged.key != direct.key, staged.protocol) == (True, direct.protocol)
    assert f"stages={'-'.join(map(str, method.stages))}" in staged.method.label
    ours, theirs = run_cell(staged), run_cell(direct)
    assert [(m["params"], m["evaluations"]) for m in ours.members] == [
        (m["params"], m["evaluations"]) for m in theirs.members
    ]
    assert ours.members[0]["params"] == method.count(2, staged.sizing.nodes)
    assert ours.curve["steps"][-1] == theirs.curve["steps"][-1] == 31


@given(steps=st.integers(1, 200), every=st.integers(1, 50), stages=st.integers(1, 9))
def test_steps_are_shared_out_evenly_and_checked_at_every_end(steps, every, stages):
    optimizer = Adam(steps=steps, check_every=every)
    if steps < stages:
        with pytest.raises(ValueError, match=f"steps must be at least the number of stages, {stages}, got {steps}"):
            optimizer.split(stages)
        return
    shares = optimizer.split(stages)
    assert sum(sum(share.checks) for share in shares) == steps
    assert max(share.steps for share in shares) - min(share.steps for share in shares) <= 1
    assert all(0 < taken <= every for share in shares for taken in share.checks)


@pytest.mark.parametrize(
    ("basis", "stages", "sentence"),
    [
        (BSpline(intervals=5), (3, 10), r"stages must end at the intervals of the basis, 5, got \(3, 10\)"),
        (BSpline(intervals=5), (5, 3, 5), r"stages must increase, got \(5, 3, 5\)"),
        (BSpline(intervals=5), (3, 3, 5), "stages must increase"),
        (Fourier(harmonics=4), (0, 4), r"stages must be at least 1, got \(0, 4\)"),
        (RBF(), (4, 8), "stages must be empty for RBF, which cannot be extended"),
    ],
    ids=str,
)
def test_stages_that_cannot_be_are_refused(basis, stages, sentence):
    with pytest.raises(ValueError, match=sentence):
        KANMethod(basis=basis, stages=stages)


def test_an_mlp_has_no_stages():
    assert MLPMethod(depth=1).stages == ()
    with pytest.raises(TypeError, match="stages"):
        MLPMethod(stages=(1, 2))
