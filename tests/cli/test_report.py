"""The page from the command line."""

import subprocess
import sys

import pytest

from kanbench.analysis import load_records
from kanbench.cells import Cell, Precision, run_cell
from kanbench.cli.command import parse
from kanbench.cli.main import run_command
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import REFERENCES, MLPMethod
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

TINY = [
    *("data=feynman", "data.tasks=[I.27.6]", "name=tiny", "seeds=1", "budget.targets=[50]", "optimizer.steps=5"),
    *("data.train=60", "data.validation=60", "data.test=100"),
]


@pytest.mark.slow
def test_a_run_ends_with_its_page(tmp_path):
    command = [sys.executable, "-m", "kanbench", *TINY, "report=html", "basis=taylor", "references=true"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (page,) = tmp_path.glob("results/runs/tiny/reports/*/report.html")
    assert f"page      {page.relative_to(tmp_path)}\n" in done.stdout
    text = page.read_text(encoding="utf-8")
    assert '"name":"Taylor"' in text
    assert '"named":["tanh"]' in text
    assert "cubic ridge" in text
    assert len(text) < 5e6


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """The folder of a run with its three references, which have no budget and no learning rate."""
    folder = tmp_path_factory.mktemp("run")
    store = RecordStore(folder / "cells")
    store.prepare()
    task = load_suite("feynman").task("I.27.6")
    for method, budget in ((MLPMethod(), 50), *((reference, 0) for reference in REFERENCES["regression"])):
        steps, sizes = LevenbergMarquardt(steps=5), SplitSizes(60, 60, 60)
        store.write(run_cell(Cell("tiny", "feynman", task, method, budget, (0,), steps, sizes, Precision.double)))
    return folder


def test_report_on_a_run_that_has_references(records, tmp_path, capsys):
    out = tmp_path / "pages" / "page.html"
    assert run_command("report", str(records), f"out={out}", "networks=0") == 0
    assert "page.html" in capsys.readouterr().out
    text = out.read_text(encoding="utf-8")
    assert {f'"method":"{reference.label}"' in text for reference in REFERENCES["regression"]} == {True}


def test_the_page_that_was_there_survives_a_full_disk(records, tmp_path, capsys, monkeypatch):
    out = tmp_path / "page.html"
    out.write_text("the page of yesterday")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert run_command("report", str(records), f"out={out}", "networks=0") == 2
    assert (
        capsys.readouterr().err
        == f"kanbench: report: cannot write {out} (No space left on device); no page was changed\n"
    )
    assert out.read_text() == "the page of yesterday"
    assert list(tmp_path.iterdir()) == [out]


def test_a_link_in_the_place_of_the_page_is_replaced_and_what_it_points_to_is_not(records, tmp_path):
    precious, out = tmp_path / "thesis.tex", tmp_path / "page.html"
    precious.write_text("two years of work")
    out.symlink_to(precious)
    assert run_command("report", str(records), f"out={out}", "networks=0") == 0
    assert precious.read_text() == "two years of work"
    assert not out.is_symlink()


def test_a_folder_in_the_place_of_the_page_is_one_sentence(records, tmp_path, capsys):
    assert run_command("report", str(records), f"out={tmp_path}", "networks=0") == 2
    assert capsys.readouterr().err.startswith(f"kanbench: report: cannot write {tmp_path} (")


@pytest.mark.parametrize(
    "words",
    [
        ["networks=3", "budget=50", "member=a:0", "member=b:1", "protocol=p", "out=x=1.html"],
        ["--networks", "3", "--budget=50", "--member", "a:0", "--member=b:1", "--protocol", "p", "--out", "x=1.html"],
    ],
)
def test_options_have_dashes_and_their_old_spelling_means_the_same(words):
    given = parse("report", "results=1", *words)
    assert (*map(str, given.results), given.networks, given.budget) == ("results=1", "3", "50")
    assert (given.member, given.protocol, str(given.out)) == (["a:0", "b:1"], "p", "x=1.html")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["FOLDER", "network=3"], "report: unknown key 'network'; did you mean networks?"),
        (["FOLDER", "networks=many"], "report: networks must be a whole number, got 'many'"),
        (["FOLDER", "--netwrks=3"], "report: unknown option '--netwrks'; did you mean --networks"),
        (["FOLDER", "--networks"], "report: argument --networks: expected one argument"),
        (["FOLDER", "all"], "report: all is not a folder"),
        (["FOLDER"], "report: no records below FOLDER"),
        (["FOLDER/none"], "report: FOLDER/none is not a folder"),
    ],
)
def test_one_sentence_for_each_mistake(tmp_path, capsys, words, said):
    assert run_command("report", *(word.replace("FOLDER", str(tmp_path)) for word in words)) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"kanbench: {said.replace('FOLDER', str(tmp_path))}")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_words_it_says_how_it_is_used(capsys):
    assert run_command("report") == 0
    said = capsys.readouterr().out
    assert run_command("report", "--help") == 0
    assert capsys.readouterr().out == said
    assert said.startswith("usage: python -m kanbench report")


def test_a_page_of_a_folder_and_of_a_table_of_somebody_elses_records(records, tmp_path):
    table = tmp_path / "records.csv"
    theirs = load_records(records).query("method == 'MLP tanh'")
    theirs.assign(method="MLP of theirs", cell="f00").to_csv(table, index=False)
    assert run_command("report", str(records), str(table), "--out", str(tmp_path / "page.html"), "--networks", "0") == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '"method":"MLP of theirs"' in text
    (tmp_path / "theirs").mkdir()
    table.rename(tmp_path / "theirs" / "records.csv")
    words = ["report", str(records), str(tmp_path / "theirs"), "--out", str(tmp_path / "2.html"), "--networks", "0"]
    assert run_command(*words) == 0
    assert run_command("report", str(tmp_path / "theirs" / "records.csv")) == 0  # beside the table
    assert (tmp_path / "theirs" / "report.html").exists()
