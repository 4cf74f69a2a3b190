"""Cells in rounds: rows and weights that are renewed, paired over methods, and the same after an interruption."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kanbench.bases import Chebyshev
from kanbench.cells import Cell, Execution, Precision, ResumeFile, restore_cell, run_cell
from kanbench.cells.rounds import rounds_of
from kanbench.cells.train import Training, prepare
from kanbench.data import SplitSizes, load_suite
from kanbench.data.equations.drawing import draw_candidates
from kanbench.data.equations.renewal import Renewal
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import Adam, LevenbergMarquardt
from kanbench.training.row_weights import SLABS, plain_residuals

SUITE = load_suite("pde")
ALL = Renewal(rounds=3, rows="adaptive", balance="gradients", causal=2.0)


def cell(renewal, method=None, name="burgers", seeds=(0, 1), optimizer=None):
    task = replace(SUITE.task(name), renewal=renewal)
    optimizer = optimizer or LevenbergMarquardt(steps=12, check_every=2, window=2)
    sizes = SplitSizes(40, 40, 100)
    return Cell("e", "pde", task, method or MLPMethod(), 40, seeds, optimizer, sizes, Precision.double)


def renewed(of, number):
    """The batch of a round from the start of a cell, with the module and the batch before it."""
    module, _, (batch, _) = prepare(of)
    rounds = rounds_of(of, of.seeds)
    return rounds.renew(number, module.ensemble, module.ensemble.start, batch)[0], module, batch[0]


def test_nothing_is_renewed_by_default_and_keys_say_what_is():
    assert rounds_of(cell(Renewal()), (0, 1)) is None
    assert "renewal" not in cell(Renewal()).describe()["task"]
    assert replace(cell(Renewal()), task=SUITE.task("burgers")).key == cell(Renewal()).key
    assert cell(ALL).key != cell(replace(ALL, causal=1.0)).key
    assert restore_cell(cell(ALL).describe(), "e", "pde").key == cell(ALL).key


@pytest.mark.parametrize("rows", ["fixed", "resampled", "adaptive"])
def test_without_weights_the_loss_is_that_of_the_task(rows):
    """Also for rows with second points of pairs: factors and blocks stay, and points are in the domain."""
    x, _, before = renewed(cell(Renewal(rounds=2, rows=rows), name="allen_cahn"), 1)
    torch.testing.assert_close(x[..., -2:], before[..., -2:], rtol=1e-15, atol=0.0)
    inside = x[0, :, -2] == 0
    assert torch.equal(x[:, inside], before[:, inside]) == (rows == "fixed")
    assert torch.equal(x[:, ~inside], before[:, ~inside]) == (rows != "resampled")
    assert x[:, inside, 1].min() >= 0


@pytest.mark.parametrize("number", [0, 1])
def test_the_loss_of_a_round_is_the_weighted_sum_of_mean_squares(number):
    """By hand in NumPy from the residuals of every block, their causal weights and the lengths of gradients."""
    of = cell(replace(ALL, balance="equal"))
    of = replace(of, task=replace(of.task, conditions=tuple(replace(c, weight=3.0) for c in of.task.conditions)))
    balanced = replace(of, task=replace(of.task, renewal=ALL))
    plain, (x, module, _) = renewed(of, number)[0], renewed(balanced, number)
    ensemble, theta, zeros = module.ensemble, module.ensemble.start, torch.zeros(x.shape[:2], dtype=x.dtype)
    assert torch.equal(plain[..., :-1], x[..., :-1])
    residuals, found = plain_residuals(ensemble, theta, x).numpy(), ensemble.losses(theta, x, zeros)
    kinds, times = x[0, :, -2].numpy(), x[..., 1].numpy()
    for m in range(2):
        squares = [residuals[m][kinds == kind] ** 2 for kind in range(4)]
        slabs = np.minimum(times[m][kinds == 0] * SLABS, SLABS - 1).astype(int)
        means = [squares[0][slabs == s].mean() if (slabs == s).any() else 0.0 for s in range(SLABS)]
        interior = (np.exp(-2.0 * np.array([sum(means[:slab]) for slab in slabs])) * squares[0]).mean()
        factors = (x[m, :, -1] ** 2 / plain[m, :, -1] ** 2).numpy()
        weights = [3.0 * factors[kinds == kind][0] for kind in (1, 2, 3)]  # those that replace the given 3
        by_hand = interior + sum(w * each.mean() for w, each in zip(weights, squares[1:], strict=True))
        assert float(found[m]) == pytest.approx(by_hand, rel=1e-12)
        assert factors[kinds == 0] == pytest.approx(1.0)


def test_gradients_of_all_conditions_are_as_long_as_that_of_the_equation():
    """Of a block alone, with the factors of the round and all others zero."""
    x, module, _ = renewed(cell(Renewal(balance="gradients")), 0)
    lengths = []
    for kind in range(4):
        alone = x.clone()
        alone[..., -1] *= x[..., -2] == kind
        zeros = torch.zeros_like(x[..., 0])
        lengths.append(module.ensemble.gradients(module.ensemble.start, alone, zeros).norm(dim=1))
    for other in lengths[1:]:
        torch.testing.assert_close(other, lengths[0], rtol=1e-10, atol=0.0)


def test_a_condition_without_weight_stays_without_one():
    of = cell(Renewal(balance="gradients"))
    *others, last = of.task.conditions
    x, _, _ = renewed(replace(of, task=replace(of.task, conditions=(*others, replace(last, weight=0.0)))), 0)
    assert (x[x[..., -2] == 3][:, -1] == 0).all()
    assert (x[x[..., -2] == 2][:, -1] > 0).all()


def test_methods_are_paired_and_members_do_not_depend_on_each_other():
    """New rows are the same for all methods, adaptive ones are of the same candidates, with whatever other seeds."""
    kan = KANMethod(basis=Chebyshev(degree=3))
    new = Renewal(rounds=3, rows="resampled")
    assert torch.equal(renewed(cell(new), 2)[0], renewed(cell(new, kan), 2)[0])
    for method in (MLPMethod(), kan):
        both, swapped = renewed(cell(ALL, method), 1)[0], renewed(cell(ALL, method, seeds=(1, 0)), 1)[0]
        alone = renewed(cell(ALL, method, seeds=(1,)), 1)[0]
        assert torch.equal(both[[1, 0]], swapped)
        assert torch.equal(both[1:], alone)
        candidates = {*map(tuple, draw_candidates(SUITE.task("burgers").equation, "burgers", 1, 40, 1).tolist())}
        assert {*map(tuple, alone[0, :40, :2].tolist())} <= candidates


def test_adaptive_rows_are_where_the_residual_is_large():
    of = cell(Renewal(rounds=2, rows="adaptive"))
    x, module, _ = renewed(replace(of, sizes=SplitSizes(400, 40, 100)), 1)
    even = draw_candidates(of.task.equation, "burgers", 0, 400, 1)
    rows = torch.cat([torch.from_numpy(even), torch.zeros(4000, 2, dtype=x.dtype)], dim=1)
    ensemble, theta = module.ensemble, module.ensemble.start
    sizes = [plain_residuals(ensemble, theta, each).abs()[0] for each in (rows.expand(2, -1, -1), x[:, :400])]
    mean = float(sizes[0].mean())
    expected = float((sizes[0] * (sizes[0] / mean + 1)).mean()) / 2  # of one draw
    assert float(sizes[1].mean()) == pytest.approx(expected, rel=0.1)
    assert expected > 1.15 * mean


ADAM = Adam(steps=6, check_every=2, rates=(1e-2,), doublings=1, least_gain=0.001)


@pytest.mark.parametrize(("optimizer", "pauses"), [(None, (2, 4)), (ADAM, (4, 10))], ids=["lm", "adam"])
def test_a_training_in_rounds_goes_on_to_the_same_bits(optimizer, pauses, tmp_path):
    """Interrupted in a round and between two, in the first run of Adam and in the second."""
    of = cell(ALL, optimizer=optimizer)
    whole = Training(of)
    whole.go_on()
    file = ResumeFile(tmp_path / "cell.training", every=1e9)
    for until in pauses:
        part = Training(of, Execution(resume=file))
        part.go_on(until)
        part.save()
        assert torch.equal(file.read()["module"]["batch"][0], part.module.batch[0])
    rest = Training(of, Execution(resume=file))
    rest.go_on()
    assert rest.module.curve == whole.module.curve
    assert torch.equal(rest.module.best_theta, whole.module.best_theta)


def test_a_cell_in_rounds_is_trained_and_graded_on_the_same_validation_rows():
    record = run_cell(cell(ALL))
    assert [member["status"] for member in record.members] == ["ok", "ok"]
    splits = [prepare(cell(renewal))[2] for renewal in (ALL, Renewal())]
    assert torch.equal(splits[0][1][0], splits[1][1][0])
