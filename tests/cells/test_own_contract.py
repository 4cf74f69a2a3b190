"""A model of one's own is checked before the first training; each fault of a published KAN is one sentence."""

import random
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from kanbench.bases import BSpline
from kanbench.cells.contract import CHECKS, check_contract, findings
from kanbench.cells.subject import ContractFault
from kanbench.methods import KANMethod, OwnMethod
from kanbench.models.own import seeded
from kanbench.training.ensemble import Ensemble

TINY = Path(__file__).parents[1] / "methods" / "tiny_models.py"


def own(name, **rest):
    return OwnMethod(target=f"{TINY}:{name}", **rest)


def outcome(name, dtype=torch.float64, **rest):
    return list(findings(own(name, **rest), 2, dtype=dtype))


SOUND = [
    *("Plain", "build_plain", "Flat", "Tupled", "Deep", "Caching", "PlainTensor", "Seeded", "FromNumpy"),
    *(
        "ChangesWidths",
        "NotNarrow",
        "HooksKeep",
        "HookWrites",
        "Lazy",
        "MakesDefaultTensors",
        "HiddenNorm",
        "HoldsAKAN",
        "HiddenDraw",
        "OwnTo",
        "EvenOnly",
    ),
]


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_model_passes_without_a_remark(name):
    found = outcome(name)
    assert [each.check for each in found] == list(CHECKS)
    assert [each.said for each in found if each.is_fault or each.is_remark] == []


@pytest.mark.parametrize("name", ["Plain", "Caching", "OldFunction", "BatchNormed"])
def test_single_precision_is_checked_as_well(name):
    assert not any(each.is_fault for each in outcome(name, torch.float32))


def test_a_layer_passes_where_layers_are_asked_for():
    assert not any(each.is_fault or each.is_remark for each in outcome("Layer", takes="layer"))
    assert "takes=layer calls Layer(a, b) per layer" in outcome("Layer")[-1].said


FAULTS = {
    "Raises": ("builds", "RuntimeError: needs a GPU (tiny_models.py line "),
    "ForwardRaises": ("builds", "RuntimeError: inputs must be images (tiny_models.py line "),
    "NoModule": ("builds", "returns a NoModule and no torch.nn.Module"),
    "NoTensor": ("builds", "returns a str and no tensor"),
    "Fixed": ("builds", "do not grow with the width: 3 at widths 1 and 5"),
    "Frozen": ("builds", "no parameter that is trained reaches its output"),
    "ComplexWeights": ("builds", "its parameter first is complex"),
    "OfTheClass": ("builds", "its output depends on tensors of shapes [(1,)] that are no parameters of its modules"),
    "PlainList": ("builds", "its output depends on tensors of shapes [(4,), (4, 2)] that are no parameters"),
    "MakesParameters": ("builds", "its forward makes parameters, ['late.weight', 'late.bias']"),
    "WritesInputs": ("output", "its forward writes into its inputs"),
    "WrongShape": ("output", "has shape (16, 3) for 16 rows, and must have (16, 1)"),
    "Single": ("output", "is torch.float32 where parameters and inputs are torch.float64"),
    "NotFinite": ("output", "not finite"),
    "Noisy": ("output", "changes from call to call"),
    "AlwaysSeedsOne": ("seeds", "two models of different seeds are equal, so all members would be"),
    "SeedsOnce": ("seeds", "two models of one seed differ"),
    "ByTheBatch": ("rows", "depends on the other rows"),
    "ByTheNumber": ("rows", "depends on the other rows of the batch, or on their number"),
    "Running": ("rows", "depends on the other rows of the batch, or on its place in it"),
    "Locked": ("rows", "it cannot be copied, as members are: TypeError: cannot pickle '_thread.lock' object"),
    "Constant": ("varies", "is a constant"),
    "WrongBackward": ("gradient", "off a central difference"),
    "NotDifferentiable": ("gradient", "cannot be differentiated: RuntimeError: one of the variables needed"),
    "NestedLists": ("members", "its tensors cannot be exchanged for those of a member: "),
    "Recomputes": ("members", "its tensors cannot be exchanged for those of a member: "),
    "OneOfTwo": ("members", "its members are of different shapes, one seed and another"),
    "HiddenState": ("members", "state that is no parameter and no buffer"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_by_its_check_and_said_in_one_sentence(name):
    check, words = FAULTS[name]
    *before, last = outcome(name)
    assert last.is_fault
    assert not any(each.is_fault for each in before)
    assert last.check == check
    assert words in last.said
    assert "\n" not in last.said
    with pytest.raises(ContractFault, match=f"^{name} "):
        check_contract(own(name), 2, 1, torch.float64)


REMARKS = {
    "KeepsOrder": "only the order of its two inputs matters",
    "ListsParameters": "5 parameters never reach the output, are frozen and do not count: scale_1",
    "Unused": "7 parameters never reach the output, are frozen and do not count: spare",
    "OldFunction": "members are computed one after the other",
    "BatchNormed": "it does something else in training mode",
    "Dropped": "it does something else in training mode",
    "InPlace": "members are computed one after the other",
}


@pytest.mark.parametrize("name", REMARKS)
def test_what_can_be_trained_but_should_be_known_is_a_remark(name):
    (remark,) = check_contract(own(name), 2, 1, torch.float64)
    assert REMARKS[name] in remark


@pytest.mark.parametrize("name", ["HooksKeep", "HookWrites", "Lazy"])
def test_a_model_that_was_called_can_be_copied_and_called_again(name):
    model = own(name).build(2, 3, torch.Generator().manual_seed(0), torch.float64)
    x = torch.linspace(-1, 1, 10, dtype=torch.float64).reshape(5, 2)
    ensemble = Ensemble([model, model])
    together = ensemble.predict(ensemble.start, x.expand(2, -1, -1))[0].unsqueeze(1)
    for each in (model, *ensemble.members(ensemble.start)):
        assert torch.allclose(deepcopy(each)(x), together)


def test_a_module_from_another_folder_is_named_because_its_changes_go_unnoticed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "far_away.py").write_text(f"from {TINY.stem} import Plain\n")
    text = f"import sys\nsys.path[:0] = [{str(tmp_path / 'src')!r}, {str(TINY.parent)!r}]\nfrom far_away import Plain\n"
    (tmp_path / "mine.py").write_text(text)
    (remark,) = check_contract(OwnMethod(target=f"{tmp_path}/mine.py:Plain"), 2, 1, torch.float64)
    assert "it imports far_away from another folder, which its hash does not see" in remark
    for name in ("far_away", TINY.stem):
        del sys.modules[name]


def test_wrong_kwargs_are_answered_with_the_signature():
    said = outcome("Plain", kwargs={"grid": 3})[-1].said
    assert "unexpected keyword argument 'grid'; its signature is Plain(widths, gain=1.0)" in said


def draws():
    return torch.rand(1).item(), np.random.rand(), random.random()  # noqa: NPY002  # the generator that modules use


def test_the_checks_leave_the_global_generators_alone():
    with seeded(5):
        expected = draws()
    with seeded(5):
        assert not any(each.is_fault for each in outcome("Seeded"))
        assert draws() == expected
    assert torch.get_default_dtype() == torch.float32


def test_methods_of_the_house_are_not_checked():
    assert check_contract(KANMethod(1, basis=BSpline(intervals=5)), 2, 1, torch.float64) == []
