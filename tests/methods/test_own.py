"""Models of one's own: sized by building, started by their seed, keyed by name, arguments, depth and source."""

import pickle
import shutil
from pathlib import Path

import pytest
import torch

from kanbench.cells import Cell, Precision, run_cell
from kanbench.cells.contract import findings
from kanbench.cells.restore import CannotRestore, restore_cell, retrain
from kanbench.data import SplitSizes, grade, load_suite, sample
from kanbench.methods import BudgetTooSmall, MLPMethod, OwnMethod
from kanbench.methods import own as own_methods
from kanbench.methods.own import OwnFault
from kanbench.models import MLP
from kanbench.training import LBFGS, Adam, LevenbergMarquardt

TINY = Path(__file__).with_name("tiny_models.py")


def own(target_name, **rest):
    return OwnMethod(target=f"{TINY}:{target_name}", **rest)


def cell(method, optimizer=None, seeds=(0, 1, 2)):
    task, sizes = load_suite("feynman").task("I.27.6"), SplitSizes(60, 60, 80)
    optimizer = optimizer or LevenbergMarquardt(steps=20)
    return Cell("e", "feynman", task, method, 40, seeds, optimizer, sizes, Precision.double)


class Twin(MLPMethod):
    """Our MLP with the start of the own one."""

    source = "Plain"

    def build(self, n_in, nodes, generator, dtype, n_out=1):
        theirs = own(self.source, depth=self.depth).build(n_in, nodes, generator, dtype, n_out)
        model = MLP(self.shape(n_in, nodes, n_out), self.activation, dtype=dtype)
        state = theirs.state_dict()
        weights = [tensor.mT if tensor.ndim == 2 else tensor for tensor in state.values()]
        model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
        return model


@pytest.mark.parametrize(("name", "batched"), [("Plain", True), ("OldFunction", False)])
@pytest.mark.parametrize(
    "optimizer",
    [LevenbergMarquardt(steps=15), LBFGS(steps=15), Adam(steps=40, rates=(0.01, 0.03), batch=20)],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_an_own_mlp_with_our_start_reaches_what_ours_reaches(optimizer, name, batched, monkeypatch):
    monkeypatch.setattr(Twin, "source", name)
    theirs, ours = run_cell(cell(own(name), optimizer)), run_cell(cell(Twin(depth=1, gain=1.0), optimizer))
    assert [member["batched"] for member in theirs.members] == [batched] * len(theirs.members)
    for own_member, our_member in zip(theirs.members, ours.members, strict=True):
        assert own_member["params"] == our_member["params"]
        assert own_member["evaluations"] == our_member["evaluations"]
        assert own_member["test_rel_l2"] == pytest.approx(our_member["test_rel_l2"], rel=1e-5)


def test_the_width_is_that_of_the_mlp_with_the_same_parameters():
    for budget in (20, 100, 1000):
        assert own("Plain", depth=2).size(3, budget) == MLPMethod(depth=2).size(3, budget)
    with pytest.raises(BudgetTooSmall, match="a budget of 3 parameters is too small for Plain"):
        own("Plain").size(3, 3)


def test_parameters_that_never_reach_the_output_do_not_count_and_do_not_move():
    method = own("Unused")
    assert method.count(2, 5) == own("Plain").count(2, 5) == 21
    record = run_cell(cell(method, Adam(steps=5, rates=(0.01,))))
    assert record.members[0]["params"] == own("Plain").size(2, 40).params
    start = method.build(2, 3, torch.Generator().manual_seed(0), torch.float64)
    assert start.unused == ("inner.spare",)


def test_a_width_that_is_refused_is_left_out():
    method = own("NotNarrow")
    assert method.next_nodes(2, 1) == 2
    assert (method.size(2, 9).width, method.size(2, 9).params) == (2, 9)
    assert method.size(2, 8).width == 2


def test_widths_that_are_refused_in_between_are_left_out_too():
    method = own("EvenOnly")  # 4 width + 1 parameters
    found = {budget: (method.size(2, budget).width, method.size(2, budget).params) for budget in (9, 30, 36, 100)}
    assert found == {9: (2, 9), 30: (8, 33), 36: (8, 33), 100: (24, 97)}
    assert not any(each.is_fault for each in findings(method, 2))


def test_refused_widths_are_left_out_in_every_layer():
    method = own("EvenOnly", depth=2)
    assert method.size(2, 40).shape == (2, 4, 4, 1)
    assert not any(each.is_fault for each in findings(method, 2))


def test_parameters_that_do_not_grow_end_the_search():
    with pytest.raises(OwnFault, match="do not grow with the width"):
        own("Fixed").size(2, 100)


def test_one_seed_gives_one_start_and_the_signature_decides_who_gets_it():
    def start(name, seed):
        model = own(name).build(2, 3, torch.Generator().manual_seed(seed), torch.float64)
        return torch.cat([parameter.flatten() for parameter in model.parameters()])

    for name in ("Plain", "Seeded", "FromNumpy"):
        assert torch.equal(start(name, 4), start(name, 4))
        assert not torch.equal(start(name, 4), start(name, 5))
    assert start("Plain", 4).dtype == torch.float64
    assert torch.equal(start("Plain", 4), start("Plain", 4).float().double())  # built in single, then cast


def test_layers_are_put_in_sequence_and_each_has_a_start_of_its_own():
    model = own("Layer", takes="layer", depth=2, kwargs={"degree": 4}).build(
        3, 6, torch.Generator().manual_seed(0), torch.float64
    )
    first, second, last = model.inner
    assert [tuple(layer.coefficients.shape) for layer in (first, second, last)] == [(3, 3, 4), (3, 3, 4), (3, 1, 4)]
    assert not torch.equal(first.coefficients, second.coefficients)


def test_a_pass_leaves_nothing_behind_and_runs_under_the_precision_of_its_inputs():
    model = own("Caching").build(2, 3, torch.Generator().manual_seed(0), torch.float64)
    model(torch.ones(4, 2, dtype=torch.float64))
    assert model.inner.cache is None
    assert model.inner.acts == []
    assert not hasattr(model.inner, "fresh")
    assert not model.train().training
    of_default = own("MakesDefaultTensors")
    seen = of_default.callable.__init__.__globals__["SEEN_DTYPES"]
    of_default.build(2, 3, torch.Generator().manual_seed(0), torch.float64)(torch.ones(4, 2, dtype=torch.float64))
    assert seen[-1] == torch.float64
    assert torch.get_default_dtype() == torch.float32


def test_the_key_knows_name_arguments_depth_and_source_but_no_path(tmp_path):
    key = cell(own("Plain")).key
    shutil.copy(TINY, tmp_path / "moved.py")
    assert cell(OwnMethod(target=f"{tmp_path}/moved.py:Plain")).key == key
    (tmp_path / "changed.py").write_text(TINY.read_text() + "\n# a remark\n")
    changed = OwnMethod(target=f"{tmp_path}/changed.py:Plain")
    others = [changed, own("Flat"), own("Plain", kwargs={"gain": 2.0}), own("Plain", depth=2)]
    assert len({key, *(cell(each).key for each in others)}) == 5
    assert str(TINY) not in str(cell(own("Plain")).describe())
    assert len({each.label for each in (*others, own("Plain"))}) == 5
    plain = own("Plain")
    assert own("Plain", depth=2, kwargs={"gain": 2.0}).label == f"Plain gain=2.0 depth=2 {plain.hash[:6]}"


def test_arguments_that_python_takes_for_equal_are_different_methods():
    given = [1, 1.0, True, "1", "true", "one"]
    methods = [own("Plain", kwargs={"gain": value}) for value in given]
    assert len({*methods}) == len({each.label for each in methods}) == len({cell(each).key for each in methods}) == 6
    assert methods[-1].unversioned == "Plain gain=one"
    assert methods[0] == own("Plain", kwargs={"gain": 1})


def test_a_record_names_the_versions_of_the_packages_that_the_source_imports(tmp_path):
    (tmp_path / "m.py").write_text(
        "import sympy\nfrom torch import nn\n\ndef f(w):\n    return nn.Linear(w[0], w[-1])\n"
    )
    assert set(OwnMethod(target=f"{tmp_path}/m.py:f").versions) == {"sympy", "torch"}


def test_a_record_brings_no_code_with_it(monkeypatch):
    before = cell(own("Plain"), seeds=(0,))
    record = run_cell(before)
    after = restore_cell(record.cell, "e", "feynman")
    assert after.key == before.key
    model = retrain(after, 0, None)
    dataset = sample(before.task, 0, before.sizes)
    with torch.no_grad():
        predictions = model(torch.from_numpy(dataset.test.x)).squeeze(1).numpy()
    reached = grade(dataset.restore(predictions), dataset.test.y, dataset.y_mean)["rel_l2"]
    assert reached == pytest.approx(record.members[0]["test_rel_l2"], rel=1e-8)
    monkeypatch.setattr(own_methods, "loaded_before", lambda name, hash: None)
    with pytest.raises(CannotRestore, match="its code was not loaded by this command"):
        restore_cell(record.cell, "e", "feynman")


def test_kwargs_named_type_are_no_class_of_ours():
    before = cell(own("Plain", kwargs={"gain": 1.0, "type": {"type": "KANMethod"}}))
    assert restore_cell(before.describe()).key == before.key


def test_a_method_goes_to_a_worker_and_builds_there():
    method = pickle.loads(pickle.dumps(own("Plain")))
    assert method == own("Plain")
    assert method.build(2, 3, torch.Generator().manual_seed(0), torch.float64).n_out == 1


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ({"kwargs": {"act": torch.tanh}}, "kwargs must hold finite numbers, texts"),
        ({"kwargs": {"gain": float("nan")}}, "kwargs must hold finite numbers"),
        ({"kwargs": {"a b": 1}}, "kwargs must have names of parameters as keys"),
        ({"takes": "network"}, "takes must be model or layer"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"hash": "0" * 24}, "target must have the source of hash 000000"),
        ({"name": "Flat"}, "name must be that of the target, Plain"),
    ],
)
def test_wrong_arguments_are_refused(rest, words):
    with pytest.raises(ValueError, match=words):
        own("Plain", **rest)


def test_a_class_or_function_itself_is_hashed_or_has_a_key():
    assert OwnMethod("mine", torch.nn.Linear).hash == OwnMethod(target=torch.nn.Linear).hash
    assert OwnMethod("mine", lambda widths: torch.nn.Linear(widths[0], 1), hash="a" * 24).label == "mine aaaaaa"
    unknown = eval("lambda widths: torch.nn.Linear(widths[0], 1)", {"__name__": "__main__", "torch": torch})
    with pytest.raises(ValueError, match=r"cannot be hashed .*; give key="):
        OwnMethod("mine", unknown)
    first, second = (OwnMethod("mine", unknown, key=key) for key in "12")
    assert first.hash != second.hash
    assert OwnMethod("mine", hash=first.hash).build(2, 1, torch.Generator(), torch.float64).inner.in_features == 2


def test_the_name_of_a_class_or_function_itself_can_name_a_file():
    with pytest.raises(ValueError, match="name must be letters, digits"):
        OwnMethod("my/own", torch.nn.Linear)
    with pytest.raises(ValueError, match="key must be empty for a target in a file"):
        own("Plain", key="1")
