"""From a description back to the cell, and to its networks."""

import json
from dataclasses import dataclass, field

import pytest
import torch

from kanbench.bases import BASES, BSpline
from kanbench.cells import Cell, Precision, run_cell
from kanbench.cells.cell import as_plain
from kanbench.cells.restore import CannotRestore, _made, restore_cell, retrain
from kanbench.data import SplitSizes, grade, load_suite, sample
from kanbench.files.stored_names import absent_as
from kanbench.methods import KANMethod, MLPMethod
from kanbench.models import Activation, BaseBranch
from kanbench.training import OPTIMIZERS, Adam, LevenbergMarquardt


def cell(method=None, optimizer=None):
    task, sizes = load_suite("feynman").task("I.27.6"), SplitSizes(60, 60, 80)
    optimizer = optimizer or LevenbergMarquardt(steps=20)
    return Cell(
        "e",
        "feynman",
        task,
        method or KANMethod(1, basis=BSpline(intervals=5)),
        50,
        (0, 1, 2),
        optimizer,
        sizes,
        Precision.double,
    )


@pytest.mark.parametrize(
    "method", [*(KANMethod(basis=basis()) for basis in BASES.values()), MLPMethod(2, Activation.silu)]
)
def test_a_description_through_json_is_the_cell(method):
    before = cell(method)
    after = restore_cell(json.loads(json.dumps(before.describe())), "e", "feynman")
    assert after.describe() == before.describe()
    assert (after.key, after.experiment, after.suite) == (before.key, "e", "feynman")


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values())
def test_so_is_that_of_every_optimizer(optimizer):
    before = cell(KANMethod(base_branch=BaseBranch.silu, basis=BSpline(intervals=5), stages=(3, 5)), optimizer())
    assert restore_cell(before.describe()).describe() == before.describe()


@pytest.mark.parametrize(
    "before",
    [
        cell(),
        cell(MLPMethod(depth=1), Adam(steps=30, rates=(0.003, 0.01))),
        cell(
            MLPMethod(depth=1, fourier=4), Adam(steps=6, check_every=3, rates=(0.01,), doublings=1)
        ),  # with frequencies of its own
    ],
    ids=["lm", "adam", "fourier"],
)
def test_a_member_trained_once_more_is_the_one_of_the_record(before):
    member = run_cell(before).members[-1]
    model = retrain(before, member["seed"], member["lr"])
    dataset = sample(before.task, member["seed"], before.sizes)
    with torch.no_grad():
        predictions = model(torch.from_numpy(dataset.test.x)).squeeze(1).numpy()
    reached = grade(dataset.restore(predictions), dataset.test.y, dataset.y_mean)["rel_l2"]
    assert reached == pytest.approx(member["test_rel_l2"], rel=1e-8)


@pytest.mark.parametrize(
    "change",
    [{"method": {"type": "Transformer"}}, {"momentum": 0.9}, {"precision": "half"}],
    ids=["kind", "field", "value"],
)
def test_what_does_not_exist_here_is_said(change):
    with pytest.raises(CannotRestore, match=r"cannot build the cell of the record \("):
        restore_cell(cell().describe() | change)


def test_a_key_that_is_older_than_the_gain_of_mlps_stands_for_a_gain_of_one():
    plain, other = cell(MLPMethod(gain=1.0)), cell(MLPMethod(gain=2.0))
    assert "gain" not in plain.describe()["method"]
    assert restore_cell(plain.describe()).method.gain == 1.0
    assert other.describe()["method"]["gain"] == restore_cell(other.describe()).method.gain == 2.0


def test_a_default_that_changes_leaves_older_keys_what_they_were():
    @dataclass(frozen=True)
    class Switches:
        old: int = 1
        young: float = field(default=3.0, metadata=absent_as(1.0))

    assert as_plain(Switches(young=1.0)) == {"type": "Switches", "old": 1}
    assert as_plain(Switches()) == {"type": "Switches", "old": 1, "young": 3.0}
    assert _made(Switches, {"old": 1}) == Switches(young=1.0)
