"""Published studies: their files agree with each other, and a slice of them comes out again."""

import re

import numpy as np
import pandas as pd
import pytest

from kanbench.bases import Chebyshev
from kanbench.cells import Cell, Precision, run_cell
from kanbench.cli import reproduce as study
from kanbench.cli.command import perform
from kanbench.cli.main import run_command
from kanbench.cli.reproduce import agreement, read_study, study_files
from kanbench.cli.words import Words
from kanbench.data import SplitSizes, load_suite
from kanbench.errors import UsageError
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import LevenbergMarquardt

STUDIES = {name: read_study(path) for name, path in study_files().items()}


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_every_run_is_one_that_the_command_line_takes(study, tmp_path):
    for command in study.commands(tmp_path, ["seeds=1"]):
        Words.parse(command)
        assert f"name={study.name}" in command
        assert command[-1] == "seeds=1"


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_published_records_hold_every_seed_of_every_cell_once(study):
    records = study.records
    assert study.baseline in set(records.method)
    assert not records.duplicated(["suite", "task", "method", "protocol", "budget", "seed", "lr"]).any()
    seeds = records.groupby("cell").seed.nunique()
    assert seeds.min() == seeds.max()


SLICE = [(method, 50) for method in (MLPMethod(), KANMethod(), KANMethod(basis=Chebyshev()))]


@pytest.mark.parametrize(("method", "budget"), SLICE, ids=lambda value: getattr(value, "label", str(value)))
def test_a_slice_of_the_published_table_comes_out_again(method, budget):
    """To 10 %: another processor rounds otherwise, and eighty steps carry that on."""
    task = load_suite("feynman").task("I.12.11")
    cell = Cell(
        "slice", "feynman", task, method, budget, (0, 1, 2, 3, 4), LevenbergMarquardt(), SplitSizes(), Precision.double
    )
    published = STUDIES["methods"].records.query("task == @task.name and method == @method.label and budget == @budget")
    errors = [member["test_rel_l2"] for member in run_cell(cell).members]
    assert list(published.sort_values("seed").seed) == list(cell.seeds)
    np.testing.assert_allclose(np.median(errors), published.test_rel_l2.median(), rtol=0.1)
    assert published.params.unique() == [cell.sizing.params]


def test_agreement_compares_the_same_members_only():
    table = {"suite": "s", "method": "m", "optimizer": "o", "budget": 50, "lr": np.nan, "n_train": 10, "task": "t"}
    published = pd.DataFrame([table | {"seed": seed, "score": 0.5} for seed in (0, 1, 2)])
    ours = pd.DataFrame([table | {"seed": seed, "score": score} for seed, score in ((1, 0.5), (2, 1.0), (3, 9.0))])
    found = agreement(ours, published)
    assert (found.members, found.ratio, found.within) == (2, 1.5, 0.5)
    assert "none" in str(agreement(ours[ours.seed == 3], published))


def test_agreement_takes_no_member_of_other_settings_for_the_same():
    member = {"suite": "s", "method": "m", "task": "t", "seed": 0, "score": 0.5, "settings": "steps=80"}
    published = pd.DataFrame([member])
    assert agreement(published, published).members == 1
    assert agreement(published.assign(settings="steps=10"), published).members == 0


def test_a_study_that_does_not_exist_is_refused_by_name():
    with pytest.raises(UsageError, match="no study 'nope'; there are"):
        perform("reproduce", "nope")


@pytest.mark.parametrize("word", ["out", "results=", "--out="])
def test_a_place_without_a_folder_is_refused_before_anything_runs(word):
    with pytest.raises(UsageError, match="needs a folder"):
        perform("reproduce", "methods", word)


def test_a_command_that_cannot_write_is_one_sentence(tmp_path, capsys):
    pytest.importorskip("wandb_workspaces")
    (tmp_path / "file").touch()
    assert run_command("dashboard", "--entity", "me", "--json", str(tmp_path / "file")) == 2
    assert capsys.readouterr().err == f"kanbench: dashboard: {tmp_path / 'file'}: File exists\n"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder of studies in place of the published ones; `write` makes one there."""
    monkeypatch.setattr(study, "RESULTS", tmp_path)

    def write(text, name="mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "study.yaml").write_text(text)

    return write


GOOD_STUDY = "title: Good\nbaseline: MLP tanh\nruns:\n  - experiment=smoke\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a mapping"),
        ("title: [", "is not YAML"),
        ("title: Good\nruns: [a]\n", "has no baseline"),
        ("title: Good\nbaseline: 3\nruns: [a]\n", "baseline must be a text, got 3"),
        ("title: Good\nbaseline: m\nruns: experiment=smoke\n", "runs must be a list"),
        ("title: Good\nbaseline: m\nruns: [{a: b}]\n", r"runs\[0\] must be a text"),
        ("title: Good\nbaseline: m\nruns: ['a=\"b']\n", r"runs\[0\] must be a command \(No closing quotation\)"),
        ("title: Good\ntitle: Better\nbaseline: m\nruns: [a]\n", "'title' appears twice"),
        ("title: Good\nbaseline: m\nruns: [a]\nrun: b\n", "unknown key 'run'; did you mean runs"),
    ],
)
def test_a_bad_study_file_is_one_sentence_and_hides_no_other(published, tmp_path, capsys, text, sentence):
    published(text)
    published(GOOD_STUDY, "zebra")
    assert run_command("reproduce") == 2
    said = capsys.readouterr()
    assert said.out.split() == ["zebra", "Good"]
    (line,) = said.err.splitlines()
    assert re.match(rf"kanbench: {tmp_path}/mine/study\.yaml: .*{sentence}", line)
    assert run_command("reproduce", "mine") == 2
    assert capsys.readouterr().err == line.replace("kanbench: ", "kanbench: reproduce: ") + "\n"
    assert read_study(study_files()["zebra"]).runs == ("experiment=smoke",)


def test_a_study_in_a_folder_that_no_run_could_have_as_its_name_is_refused(published, capsys):
    published(GOOD_STUDY, "my study")
    assert run_command("reproduce") == 2
    assert "the folder of a study must be letters" in capsys.readouterr().err
