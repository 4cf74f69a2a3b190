"""A basis of the user's own: the contract finds its faults, its source is in the key, and no record or file runs it."""

import importlib
import sys
from dataclasses import dataclass, replace
from textwrap import dedent

import hydra
import numpy as np
import pytest
import torch

import kanbench.bases.own
import kanbench.files.user_code
from kanbench.analysis import load_records
from kanbench.bases import BASES, Basis, Chebyshev, load_basis
from kanbench.bases.own import hash_of
from kanbench.cells import restore_cell, run_cell
from kanbench.cells.basis_contract import CHECKS, findings_of_basis
from kanbench.cells.restore import CannotRestore
from kanbench.checkpoint import load, save
from kanbench.cli.command import perform
from kanbench.cli.words import Words
from kanbench.config.read import read_config
from kanbench.errors import ConfigError
from kanbench.files.user_source import TargetError
from kanbench.models import KAN
from kanbench.page import PageOptions, find_source, write_page
from kanbench.run.running import run

SINC = """
    from dataclasses import dataclass
    import torch
    from kanbench.bases import Basis

    @dataclass(frozen=True)
    class Sinc(Basis):
        "Shifted sinc functions."

        terms: int = 5

        @property
        def n_terms(self):
            return self.terms

        def expand(self, x):
            z = self.to_unit(x).clamp(-2.0, 2.0).unsqueeze(-1)
            return torch.sinc(2 * (z - torch.linspace(-1, 1, self.terms, dtype=x.dtype)))
"""
EXPAND = SINC[SINC.index("            z = ") :].strip()
QUICK = [
    *("data.tasks=[I.27.6]", "budget.targets=[60]", "seeds=2", "data.train=60", "data.validation=40", "data.test=50"),
    *("optimizer.steps=5", "trainer.workers=1", "name=own"),
]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes my.py where the run starts; what is loaded is forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kanbench.files.user_code, "_loaded", {})
    monkeypatch.setattr(kanbench.bases.own, "_loaded", {})

    def write(code=SINC, name="my.py"):
        (tmp_path / name).write_text(dedent(code))

    return write


def read(*words):
    given = Words.parse([*QUICK, *words])
    with given.composing():
        return read_config(hydra.compose(given.name, list(given.overrides)))


def own(*words, target="my.py:Sinc"):
    return read("basis=own", f"basis.target={target}", *words)


def forget():
    """As another process, which has run no code of the user's."""
    kanbench.files.user_code._loaded.clear()
    kanbench.bases.own._loaded.clear()


def test_a_basis_of_ones_own_is_trained_like_ours(write):
    write()
    config = own("basis.kwargs={terms: 3}", "model.depth=1")
    kan, _ = config.methods
    hash = load_basis("my.py:Sinc")
    assert kan.label == f"KAN Sinc terms=3 depth=1 {kanbench.bases.own.hash_of(hash)[:6]}"
    assert kan.family == "KAN own Sinc"
    record = run_cell(config.cells()[0])
    assert [member["status"] for member in record.members] == ["ok", "ok"]
    assert {member["params"] for member in record.members} == {kan.count(2, config.cells()[0].sizing.width)}
    z = np.array([-0.3, 0.8])
    terms = kan.basis.expand(torch.tensor(z)).numpy()
    np.testing.assert_allclose(terms, np.sinc(2 * (z[:, None] - np.array([-1.0, 0.0, 1.0]))), rtol=1e-12)


def test_its_source_is_in_the_key_and_its_place_is_not(write, tmp_path):
    write()
    key = own().cells()[0].key
    write(name="moved.py")
    assert own(target="moved.py:Sinc").cells()[0].key == key
    write(SINC.replace("clamp(-2.0, 2.0)", "clamp(-3.0, 3.0)"))
    changed = own()
    assert changed.cells()[0].key != key
    assert changed.methods[0].unversioned == "KAN Sinc"
    assert own("basis.kwargs={terms: 3}").cells()[0].key != changed.cells()[0].key


def test_it_may_be_the_baseline_of_one_of_ours(write):
    write()
    labels = [
        method.unversioned
        for method in read(
            *("basis=rbf", "baseline=kan", "baseline.basis=own", "baseline.basis.target=my.py:Sinc"),
            "baseline.basis.kwargs={terms: 4}",
        ).methods
    ]
    assert labels == ["KAN RBF", "KAN Sinc terms=4"]


def answer(*words, target="my.py:Sinc"):
    with pytest.raises(ConfigError) as error:
        own(*words, target=target)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("expand", "said"),
    [
        ("return torch.sin(x) / x.unsqueeze(-1)", "expand must return shape (2, 5) for inputs (2,), got (2, 2)"),
        ("return x", "expand must return shape (2, 5) for inputs (2,), got (2,)"),
        ("return 3", "expand must return a tensor, got 3"),
        ("return x.unsqueeze(-1).nope()", "expand fails on inputs (2,): AttributeError: 'Tensor' object has no"),
        (
            EXPAND.replace("torch.sinc(", "torch.sinc(").replace("return ", "return 0 / z + "),
            "its values are not finite",
        ),
        (EXPAND.replace("return torch.sinc", "return torch.log"), "its values are not finite at "),
        (
            EXPAND.replace("return torch.sinc", "return torch.sqrt(0 * z) + torch.sinc"),
            "its derivatives are not finite",
        ),
        (EXPAND + ".float()", "expand returns torch.float32 for inputs of torch.float64"),
        (
            EXPAND.replace("return torch", "z = z.detach()\n            return torch"),
            "its functions have no derivative",
        ),
        (EXPAND.replace("return torch.sinc", "return z.detach() * torch.sinc"), "its derivative is "),
        (EXPAND.replace("return ", "return x.mean() + "), "its value at a point depends on the other points of the"),
        (
            EXPAND.replace("return ", "return 1e-3 * torch.tanh(x).sum() + "),
            "its value at a point depends on the other",
        ),
        (EXPAND.replace("return ", "return 0 * x.sum().item() + "), "vmap does not take expand: RuntimeError"),
        (
            "return 0 * x.unsqueeze(-1) + torch.ones(5, dtype=x.dtype)",
            "all of its functions are constant on the domain",
        ),
    ],
)
def test_a_basis_that_breaks_the_contract_is_refused_before_anything_is_trained(write, expand, said):
    write(SINC.replace(EXPAND, expand))
    assert answer().startswith(f"basis: Sinc: {said}")


def test_overflow_far_off_the_domain_is_a_remark_only(write):
    write(SINC.replace(EXPAND, "return x.unsqueeze(-1) ** torch.arange(1, 6, dtype=x.dtype)"))
    assert own().findings == ("Sinc: its values are not finite at 1.8e+308",)


@pytest.mark.parametrize("cls", BASES.values(), ids=BASES)
def test_every_basis_of_ours_passes(cls):
    found = list(findings_of_basis(cls()))
    assert len(found) == len(CHECKS)
    assert not any(each.is_fault or each.is_remark for each in found)


@pytest.mark.parametrize(
    ("code", "target", "words", "said"),
    [
        ("", "", [], "basis.target: must name your basis, as basis=own basis.target=my.py:Sinc"),
        ("", "nope.py:Sinc", [], "basis.target nope.py:Sinc: there is no file nope.py"),
        ("x = 3 +", "my.py:Sinc", [], "basis.target my.py:Sinc: my.py is not Python: "),
        ("x = 1 / 0", "my.py:Sinc", [], "basis.target my.py:Sinc: my.py does not run: ZeroDivisionError"),
        (SINC, "my.py:Snic", [], "basis.target my.py:Snic: unknown name 'Snic'; did you mean Sinc"),
        (
            "class Sinc: pass",
            "my.py:Sinc",
            [],
            "basis.target my.py:Sinc: must be a subclass of kanbench.bases.Basis, got",
        ),
        (
            "def Sinc(): pass",
            "my.py:Sinc",
            [],
            "basis.target my.py:Sinc: must be a subclass of kanbench.bases.Basis, got",
        ),
        (
            "from kanbench.bases import Basis\nclass Sinc(Basis): pass",
            *("my.py:Sinc", [], "basis.target my.py:Sinc: Sinc does not define expand and n_terms"),
        ),
        (
            *(SINC, "my.py:Sinc", ["basis.kwargs={trems: 3}"]),
            "basis.kwargs: Sinc(trems=3) fails: TypeError: Sinc.__init__() got an unexpected keyword argument 'trems'; "
            "its signature is Sinc(low: float = -1.0, high: float = 1.0, terms: int = 5)",
        ),
        (
            SINC.replace("@dataclass(frozen=True)\n", "\n"),
            *("my.py:Sinc", ["basis.kwargs={terms: 3}"], "basis.kwargs: Sinc(terms=3) fails: TypeError: "),
        ),
        (
            SINC,
            "my.py:Sinc",
            ["basis.kwargs={high: -3}"],
            "basis.kwargs: Sinc(high=-3) fails: ValueError: high must be",
        ),
        (
            SINC,
            "my.py:Sinc",
            ["basis.kwargs={terms: 0}"],
            "basis: Sinc: n_terms must be an integer from 1 to 1,000, got 0",
        ),
        (
            SINC,
            "my.py:Sinc",
            ["basis.kwargs={terms: {a: 1}}"],
            "basis.kwargs: Sinc(terms={'a': 1}) fails: TypeError: unhash",
        ),
        (SINC, "my.py:Sinc", ["basis.kwargs=3"], "basis.kwargs: expected "),
    ],
)
def test_a_basis_that_cannot_be_made_is_one_sentence(write, code, target, words, said):
    write(code)
    assert answer(*words, target=target).startswith(said)


def test_the_missing_decorator_is_named(write):
    write(SINC.replace("@dataclass(frozen=True)\n", "\n"))
    assert answer("basis.kwargs={terms: 3}").endswith(
        "; @dataclass(frozen=True) above the class makes its annotated names settings"
    )


def test_a_network_is_saved_and_loads_with_the_target_of_the_equal_source_only(write, tmp_path):
    write()
    model = KAN([2, 3, 1], load_basis("my.py:Sinc")(terms=4, low=-2.0), generator=torch.Generator().manual_seed(0))
    save(model, tmp_path / "model.safetensors")
    x = torch.rand(9, 2)
    forget()
    with pytest.raises(TargetError, match=r"basis Sinc of source \w{6}, .*: load\(path, target='my.py:Sinc'\) runs"):
        load(tmp_path / "model.safetensors")
    write(name="moved.py")
    loaded = load(tmp_path / "model.safetensors", target="moved.py:Sinc")
    assert torch.equal(loaded(x), model(x))
    forget()
    write(SINC.replace("clamp(-2.0, 2.0)", "clamp(-3.0, 3.0)"))
    with pytest.raises(TargetError, match=r"which its target must have too"):
        load(tmp_path / "model.safetensors", target="my.py:Sinc")


def test_a_record_runs_no_code_and_its_cell_comes_back_where_the_code_was_loaded(write):
    write()
    cell = own("basis.kwargs={terms: 3}").cells()[0]
    described = cell.describe()
    restored = restore_cell(described)
    assert restored.key == cell.key
    assert restored.method == cell.method
    forget()
    with pytest.raises(CannotRestore, match=r"its code was not loaded by this command"):
        restore_cell(described)


def test_a_class_of_the_name_of_ours_does_not_take_its_place(write):
    write(SINC.replace("class Sinc", "class Chebyshev"))
    theirs = own(target="my.py:Chebyshev").cells()[0]
    ours = read("basis=chebyshev").cells()[0]
    assert type(restore_cell(ours.describe()).method.basis) is Chebyshev
    assert type(restore_cell(theirs.describe()).method.basis) is type(theirs.method.basis)
    assert theirs.method.family != ours.method.family


def test_a_page_shows_its_networks_where_the_command_loaded_it_and_the_reason_elsewhere(write, tmp_path):
    write()
    config = replace(own("results=runs", "baseline=none"), seeds=(0,))
    assert run(config, ["kanbench"], tmp_path / "job") == 0
    assert set(load_records(config.folder).family) == {"KAN own Sinc"}
    assert set(load_records(config.folder).basis) == {"own Sinc"}
    page = tmp_path / "report.html"
    write_page(find_source(tmp_path / "job"), page, PageOptions())
    assert "its code was not loaded by this command" not in page.read_text()
    forget()
    (tmp_path / "my.py").write_text("raise SystemExit('a report ran the code')")
    write_page(find_source(tmp_path / "job"), page, PageOptions())
    assert "its code was not loaded by this command" in page.read_text()


def test_check_prints_every_check_of_a_basis(write, capsys):
    write()
    assert perform("check", "basis=own", "basis.target=my.py:Sinc", "basis.kwargs={terms: 4}") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Sinc(low=-1.0, high=1.0, terms=4)"
    assert [line.split()[:2] for line in said[1:]] == [["ok", name] for name in CHECKS]
    assert perform("check", "basis.target=my.py:Sinc", "basis.kwargs={terms: 0}") == 2
    heard = capsys.readouterr()
    assert "fault shape" in heard.out
    assert heard.err == "kanbench: basis: Sinc: n_terms must be an integer from 1 to 1,000, got 0\n"


def defined_here(power):
    """A basis that the running program defines; `power` is a value that its source refers to."""

    @dataclass(frozen=True)
    class Twisted(Basis):
        """One power."""

        scale: float = 1.0

        @property
        def n_terms(self):
            return 1

        def expand(self, x):
            return self.scale * x.unsqueeze(-1) ** power

    return Twisted


def test_a_module_from_another_folder_is_named_because_its_changes_go_unnoticed(write, tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "far_away.py").write_text("TERMS = 5\n")
    monkeypatch.syspath_prepend(tmp_path / "src")
    write(SINC.replace("import torch", "import far_away\n    import torch", 1))
    (remark,) = (each for each in findings_of_basis(load_basis("my.py:Sinc")()) if each.is_remark)
    assert remark.said.startswith("it imports far_away from another folder, which its hash does not see")
    del sys.modules["far_away"]


def test_a_module_whose_name_begins_as_ours_is_no_part_of_ours(write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kanbench_mine.py").write_text(dedent(SINC))
    kind = importlib.import_module("kanbench_mine").Sinc
    assert hash_of(kind) == hash_of(load_basis("kanbench_mine.py:Sinc")) != ""
    assert hash_of(Chebyshev) == ""
    del sys.modules["kanbench_mine"]


def test_a_class_of_the_running_program_has_its_source_in_the_key_as_well(write):
    cell = read().cells()[0]
    cube, again, square = (
        replace(cell, method=replace(cell.method, basis=defined_here(power)())) for power in (3, 3, 2)
    )
    assert cube.key == again.key
    assert cube.key != square.key
    assert cube.method.label != square.method.label
    assert restore_cell(square.describe()).method.basis.expand(torch.tensor([3.0])).item() == 9.0
    with pytest.raises(ValueError, match="cannot save the basis Twisted"):
        save(KAN([2, 1], square.method.basis), "model.kanbench")


def test_a_class_that_uses_what_cannot_be_told_is_one_sentence(write):
    cell = read().cells()[0]
    unknown = replace(cell, method=replace(cell.method, basis=defined_here(iter([2]))()))
    with pytest.raises(ValueError, match=r"basis Twisted: .* write the class to a file .*load_basis"):
        _ = unknown.key
