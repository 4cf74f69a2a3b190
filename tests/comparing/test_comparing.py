"""A comparison from Python is the command's: the same cells, records and files."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir

import kanbench as kb
from kanbench.analysis import load_records
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.data.from_python import tasks_of
from kanbench.run.running import run
from kanbench.store.manifest import read_manifest
from kanbench.training import OPTIMIZERS

MEASURED = ["seconds", "peak_memory_bytes"]
ROWS = {"train": 40, "validation": 20, "test": 20}
QUICK = {**ROWS, "optimizer": OPTIMIZERS["lm"](steps=3), "workers": 1, "progress": False}
WORDS = ["optimizer.steps=3", "trainer.workers=1", *(f"data.{name}={rows}" for name, rows in ROWS.items())]
KAN = kb.KANMethod(basis=kb.bases.Chebyshev())
TASKS = ["I.12.11", "I.27.6"]


def compare(folder, *methods, **changes):
    """A comparison in milliseconds, in this process."""
    given = {"tasks": TASKS, "budgets": (50, 100), "seeds": 2, **QUICK, **changes}
    return kb.compare(methods or [KAN, kb.MLPMethod()], folder=folder, **given)


def command(folder, *words):
    """The same by the words of a command."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = read_config(compose("config", [f"results={folder.parent}", f"name={folder.name}", *WORDS, *words]))
    assert run(config, ["kanbench", *words], folder / "jobs/1") == 0


def numbers(folder):
    return load_records(folder).sort_values(["cell", "seed"], ignore_index=True).drop(columns=MEASURED)


def test_a_call_makes_the_records_of_the_command(tmp_path):
    compare(tmp_path / "a/mine", references=True)
    command(
        tmp_path / "b/mine",
        *("data.tasks=[I.12.11,I.27.6]", "budget.targets=[50,100]", "seeds=2", "basis=chebyshev", "references=true"),
    )
    ours, theirs = numbers(tmp_path / "a/mine"), numbers(tmp_path / "b/mine")
    assert len(ours) == 2 * 2 * 2 * 2 + 2 * 3 * 2
    pd.testing.assert_frame_equal(ours, theirs)
    manifests = [read_manifest(next((tmp_path / each).rglob("cells.json"))) for each in ("a", "b")]
    assert len({(manifest.baseline, manifest.title) for manifest in manifests}) == 1
    reports = [{path.name for path in (tmp_path / each / "mine/reports").glob("*/*")} for each in ("a", "b")]
    names = [next((tmp_path / each / "mine/reports").iterdir()).name for each in ("a", "b")]
    assert reports[0] == reports[1]
    assert names[0] == names[1]


def test_a_call_without_options_makes_the_cells_of_the_command_without_words(monkeypatch, tmp_path):
    planned = []
    monkeypatch.setattr("kanbench.comparing.comparison._run", lambda job, progress: planned.append(job))
    kb.compare([kb.KANMethod(), kb.MLPMethod()], folder=tmp_path)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = read_config(compose("config", []))
    assert planned[0].plan.cells == [cell.key for cell in config.cells()]
    assert planned[0].baseline == "MLP tanh"
    assert list(tmp_path.iterdir()) == []


def test_a_second_call_trains_what_is_missing_and_nothing_else(tmp_path):
    compare(tmp_path, budgets=50)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    compare(tmp_path, budgets=(50, 100))
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert len(before) == 4
    assert len(after) == 8
    assert after.items() >= before.items()
    command(tmp_path, "data.tasks=[I.12.11,I.27.6]", "budget.targets=[50,100]", "seeds=2", "basis=chebyshev")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()} == after


def test_whole_numbers_and_lists_make_the_cells_of_floats_and_tuples(monkeypatch, tmp_path):
    planned = []
    monkeypatch.setattr("kanbench.comparing.comparison._run", lambda job, progress: planned.append(job.plan.cells))
    for one, stages in ((1, [2, 4]), (1.0, (2, 4))):
        method = kb.KANMethod(basis=kb.bases.BSpline(intervals=4, low=-one), gain=one, stages=stages)
        compare(tmp_path, method, noise=one, optimizer=OPTIMIZERS["lm"](damping=one))
    assert planned[0] == planned[1]


def test_a_baseline_is_found_whether_its_numbers_are_whole_or_floats(monkeypatch, tmp_path):
    planned = []
    monkeypatch.setattr("kanbench.comparing.comparison._run", lambda job, progress: planned.append(job))
    method = kb.KANMethod(basis=kb.bases.RBF(low=-2, high=2))
    compare(tmp_path, method, kb.MLPMethod(), baseline=method)
    assert planned[0].baseline == "KAN RBF low=-2.0 high=2.0"


def test_several_methods_and_seeds_of_ones_own(tmp_path):
    methods = [KAN, kb.KANMethod(basis=kb.bases.Fourier()), kb.MLPMethod(depth=2)]
    found = compare(tmp_path, *methods, seeds=[7, 3], budgets=100)
    assert set(found.records.method) == {method.label for method in methods}
    assert sorted(set(found.records.seed)) == [3, 7]
    manifest = read_manifest(next(tmp_path.rglob("cells.json")))
    assert manifest.baseline == found.baseline == "MLP tanh depth=2"
    assert set(found.summary.method) == set(found.records.method)
    assert found.answer
    assert isinstance(found, kb.Result)


def test_arrays_and_frames_are_the_table_of_the_same_numbers(tmp_path):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(60, 2)), columns=["a", "b"])
    frame["y"] = np.sin(frame.a) * frame.b
    frame.to_csv(tmp_path / "waves.csv", index=False)
    rows = dict.fromkeys(ROWS, 20)
    compare(tmp_path / "frame", KAN, tasks={"waves": frame}, target="y", budgets=50, seeds=1, **QUICK | rows)
    words = [f"data.{name}=20" for name in rows]
    command(
        tmp_path / "file",
        *("data=table", f"data.path={tmp_path}/waves.csv", "data.target=y", *words, "model@baseline=none"),
        *("budget.targets=[50]", "seeds=1", "basis=chebyshev"),
    )
    ours, theirs = (numbers(tmp_path / each).drop(columns="experiment") for each in ("frame", "file"))
    pd.testing.assert_frame_equal(ours, theirs)
    _, (pair,) = tasks_of({"waves": (frame[["a", "b"]], frame.y)})
    _, (plain,) = tasks_of((frame[["a", "b"]].to_numpy(), frame.y.to_numpy()))
    assert pair.digest == tasks_of({"waves": frame}, "y")[1][0].digest
    assert plain.inputs == ("x1", "x2")


def test_tasks_by_name_are_looked_up_in_feynman_first_and_then_in_every_suite():
    assert tasks_of("toy")[1] == tasks_of("toy")[0].tasks
    assert [task.name for task in tasks_of("special/j*")[1]] == ["jv"]
    assert tasks_of(["I.12.11"])[0].name == "feynman"
    assert tasks_of(["feynman_full/I.12.11"])[0].name == "feynman_full"
    assert tasks_of(["bessel", "product"])[0].name == "toy"
    own = kb.FormulaTask("wave", "sin(3*x)*exp(-y**2)", (kb.Variable("x", -1, 1), kb.Variable("y", 0, 2)))
    assert tasks_of(own)[1] == tasks_of([own])[1] == (own,)


X, Y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
FRAME = pd.DataFrame({"a": Y, "y": Y**2})


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"methods": "kan"}, TypeError, "methods must be a list of KANMethod"),
        ({"methods": []}, ValueError, "methods must be a list of KANMethod"),
        ({"methods": [KAN, KAN]}, ValueError, "methods: KAN Chebyshev is there 2 times"),
        ({"tasks": "feynmann"}, ValueError, "unknown suite 'feynmann'; did you mean feynman"),
        ({"tasks": ["I.12.12"]}, ValueError, "unknown task 'I.12.12'; did you mean I.12"),
        ({"tasks": ["I.12.11", "bessel"]}, ValueError, "no suite has all of I.12.11, bessel"),
        ({"tasks": 3}, TypeError, "tasks must be the name of a suite"),
        ({"tasks": []}, ValueError, "tasks must hold at least one task"),
        ({"tasks": (X, Y[:-1])}, ValueError, r"got shapes \(10, 2\) and \(9,\)"),
        ({"tasks": (X, Y * np.nan)}, ValueError, "column 'y' has 10 missing values"),
        ({"tasks": (X, Y * 0)}, ValueError, "column 'y' is constant .*; predict another column$"),
        ({"tasks": FRAME}, ValueError, "target must name the column of table to predict: a, y"),
        ({"tasks": FRAME, "target": "z"}, ValueError, "unknown column of table 'z'"),
        ({"budgets": 0}, ValueError, "budgets must be from 1"),
        ({"budgets": 1}, ValueError, "budgets: 1 is too small for KAN Chebyshev"),
        ({"budgets": "100"}, TypeError, "budgets must be an integer"),
        ({"budgets": ()}, ValueError, "budgets must hold at least one number"),
        ({"seeds": 2.5}, TypeError, "seeds must be an integer"),
        ({"seeds": -1}, ValueError, "seeds must be from 1"),
        ({"optimizer": "adan"}, ValueError, "unknown optimizer 'adan'; did you mean adam"),
        ({"optimizer": 3}, TypeError, "optimizer must be a name or an optimizer"),
        ({"baseline": "MLP relu"}, ValueError, "unknown baseline 'MLP relu'; did you mean MLP tanh"),
        ({"folder": 3}, TypeError, "folder must be a path"),
        ({"train": 40.5}, ValueError, "train must be a whole number of rows, got 40.5"),
        ({"train": "all"}, TypeError, "train must be a number of rows"),
        ({"train": 0}, ValueError, "every split must have at least 2 rows"),
        ({"noise": -1.0}, ValueError, "noise: must be a number that is not negative"),
        ({"vary": "seed"}, ValueError, "unknown vary 'seed'"),
        ({"vary": "order"}, ValueError, "vary: order makes no difference"),
        ({"precision": "half"}, ValueError, "precision must be single or double"),
        ({"workers": -1}, ValueError, "workers must not be negative"),
    ],
)
def test_bad_arguments_are_one_sentence_before_anything_is_written(tmp_path, changes, kind, said):
    given = {"methods": [KAN, kb.MLPMethod()], "tasks": TASKS, "folder": tmp_path / "x", "seeds": 1, **QUICK, **changes}
    with pytest.raises(kind, match=said) as caught:
        kb.compare(**given)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_cell_that_fails_is_a_warning_and_the_others_go_on(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(kb.MLPMethod, "build", fail)
    with pytest.warns(
        UserWarning, match="2 cells failed, the first is MLP tanh on I.12.11 at 50: RuntimeError: out of"
    ):
        found = compare(tmp_path, budgets=50)
    assert set(found.records[found.records.status == "failed"].method) == {"MLP tanh"}


def test_a_call_leaves_the_threads_of_torch_as_they_were(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        compare(tmp_path, KAN, budgets=50, seeds=1, tasks=["I.12.11"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


SCRIPT = """
import kanbench as kb
from kanbench.training import OPTIMIZERS

result = kb.compare(
    [kb.KANMethod(basis=kb.bases.Chebyshev()), kb.MLPMethod()], tasks=["I.12.11"], budgets=(50, 100), seeds=2,
    folder="mine", train=40, validation=20, test=20, optimizer=OPTIMIZERS["lm"](steps=3), workers=2,
)
print(len(result.records), "records")
"""


@pytest.mark.slow
@pytest.mark.parametrize("guard", ["", 'if __name__ == "__main__":'])
def test_a_script_with_two_workers_needs_no_guard(tmp_path, guard):
    body = SCRIPT.replace("\n", "\n    ") if guard else SCRIPT
    (tmp_path / "mine.py").write_text(f"{guard}{body}\n")
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "8 records\n"
    assert "100 %  4 trained" in done.stderr
    assert read_manifest(next(tmp_path.rglob("cells.json"))).command == "python mine.py"
    compare(tmp_path / "again/mine", tasks=["I.12.11"])
    pd.testing.assert_frame_equal(numbers(tmp_path / "mine"), numbers(tmp_path / "again/mine"))


def test_nothing_is_said_when_nothing_is_wrong(tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(tmp_path, KAN, budgets=50, seeds=1, tasks=["I.12.11"])
    assert capsys.readouterr() == ("", "")


def test_names_are_imported_when_they_are_asked_for():
    code = "import sys, kanbench; kanbench.__all__; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert all(hasattr(kb, name) for name in kb.__all__)


def test_arrays_and_frames_may_have_several_targets_and_classes(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = np.stack([x[:, 0] ** 2, x[:, 1]], axis=1)
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(u=y[:, 0], v=y[:, 1], side=np.where(x[:, 0] > 0, "r", "l"))
    (pair,), (columns,) = tasks_of((x, y))[1], tasks_of({"t": frame.drop(columns="side")}, ["v", "u"])[1]
    assert (pair.target, columns.target, columns.inputs) == (("y1", "y2"), ("v", "u"), ("a", "b"))
    np.testing.assert_array_equal(pair.y, columns.y[:, ::-1])
    for given, target in (((x, x[:, 0] > 0), None), ({"t": frame[["a", "b", "side"]]}, "side")):
        (task,) = tasks_of(given, target)[1]
        np.testing.assert_array_equal(task.y, x[:, 0] > 0)
    assert task.classes == ("l", "r")
    found = compare(tmp_path, KAN, tasks=(x, y), budgets=50, seeds=1, **QUICK | dict.fromkeys(ROWS, 20))
    np.testing.assert_allclose(
        (found.records.test_rel_l2_y1 + found.records.test_rel_l2_y2) / 2, found.records.test_rel_l2
    )
    with pytest.raises(ValueError, match=r"task t: its columns must be a target and at least one input"):
        tasks_of({"t": frame[["u", "v"]]}, ["u", "v"])
    with pytest.raises(
        ValueError, match=r"t: column 'side' is no column of numbers \('.' in row 1\); leave it out, or"
    ):
        tasks_of({"t": frame}, "u")


def narrow(widths, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(widths[0], widths[1]), torch.nn.Tanh(), torch.nn.Linear(*widths[1:]))


def test_an_own_model_has_the_records_of_its_target_on_the_command_line(tmp_path):
    compare(tmp_path / "a/mine", kb.OwnMethod(target=narrow), budgets=50)
    words = ["model=own", f"model.target={__file__}:narrow", "model@baseline=none"]
    command(tmp_path / "b/mine", "data.tasks=[I.12.11,I.27.6]", "budget.targets=[50]", "seeds=2", *words)
    pd.testing.assert_frame_equal(numbers(tmp_path / "a/mine"), numbers(tmp_path / "b/mine"))


def test_the_contract_holds_for_every_method_of_a_call(tmp_path):
    shifted = kb.OwnMethod("batch_mean", lambda widths: BatchMean(*widths[::2]), key="1")
    with pytest.raises(ValueError, match="batch_mean"):
        compare(tmp_path, KAN, kb.MLPMethod(), shifted)
    assert list(tmp_path.iterdir()) == []


class BatchMean(torch.nn.Linear):
    def forward(self, x):
        return super().forward(x) + x.mean()


OWN_SCRIPT = """
import torch
import kanbench as kb

OMEGA = 3.0

class Sine(torch.nn.Module):
    def forward(self, x):
        return torch.sin(OMEGA * x)

def build_siren(widths):
    n_in, width, n_out = widths
    return torch.nn.Sequential(torch.nn.Linear(n_in, width), Sine(), torch.nn.Linear(width, n_out))

result = kb.compare(
    [kb.MLPMethod(), kb.OwnMethod("siren", build_siren)], tasks=["I.12.11"], budgets=(50, 100), seeds=2,
    folder="mine", train=40, validation=20, test=20, workers=2,
)
print(sorted(set(result.records.status)), result.records.cell.nunique())
"""


@pytest.mark.slow
def test_a_function_of_a_script_reaches_the_workers_and_an_edit_of_it_is_another_method(tmp_path):
    script = tmp_path / "mine.py"
    for omega, trained in ((3.0, 4), (3.0, 0), (4.0, 2)):
        script.write_text(OWN_SCRIPT.replace("OMEGA = 3.0", f"OMEGA = {omega}"))
        done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout == "['ok'] 4\n", done.stderr
        assert f"4 cells: {trained} trained, {4 - trained} reused, 0 failed" in done.stderr
    assert "the source of siren has changed" in done.stderr


def test_integers_0_and_1_are_asked_about():
    y = np.arange(20) % 2
    x = np.random.default_rng(0).uniform(size=(20, 2))
    with pytest.raises(
        ValueError, match="task mine: 'y' holds only 0 and 1; make them bool if they are two classes, or"
    ):
        tasks_of({"mine": (x, y)})
    assert tasks_of({"mine": (x, y == 1)})[1][0].classes == ("false", "true")
    assert tasks_of({"mine": (x, y.astype(float))})[1][0].classes == ()
    for same in (y.astype(str), y.astype(object)):
        with pytest.raises(ValueError, match="'y' holds only 0 and 1"):
            tasks_of({"mine": (x, same)})


FRAME = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 2)), columns=["a", "y"])
HOURS = pd.to_timedelta(np.arange(6), unit="h")
DAYS = pd.date_range("2026-01-01", periods=6)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (FRAME.assign(a=DAYS.astype("datetime64[ns]")), r"column 'a' holds times \(datetime64\[ns\]\)"),
        (FRAME.assign(a=HOURS.astype("timedelta64[ns]")), r"column 'a' holds times \(timedelta64\[ns\]\)"),
        (FRAME.assign(y=pd.array([True, None, False] * 2, dtype="boolean")), "column 'y' has 2 missing values"),
        (FRAME.assign(y=pd.Series(["u", pd.NaT, "v"] * 2, dtype=object)), "column 'y' has 2 missing values"),
        ((np.ma.masked_less(FRAME[["a"]].to_numpy(), 0.0), FRAME.y), "column 'x1' has . missing values"),
        ((FRAME.a, np.ma.masked_equal([1, 2, 3, 4, 5, 6], 2)), "column 'y' has 1 missing value, the first in row 2"),
        ((FRAME[["a", "a"]], FRAME.y), "each column must have a name of its own, and 'a' stands twice"),
        ((FRAME[["a"]], FRAME[["y", "y"]]), "each column must have a name of its own, and 'y' stands twice"),
    ],
    ids=["dates", "durations", "missing truth", "missing class", "masked X", "masked y", "names of X", "names of y"],
)
def test_times_gaps_and_columns_of_one_name_never_become_numbers_or_classes(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        tasks_of({"mine": given}, "y")
