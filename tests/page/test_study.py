"""The page of a searched study, made from its table alone: the answer, the ratios, one task, and the search."""

import json
import re

import numpy as np
import pytest

from kanbench.analysis import load_records
from kanbench.analysis.scores import Primary
from kanbench.analysis.shapes import choose_shapes, trials_table
from kanbench.analysis.spreadsheet import write_csv
from kanbench.cli.main import run_command
from kanbench.report.result import Result
from tests.page.opening import visit

STUDY = """title: Three families
baseline: MLP tanh
primary: {method: KAN Taylor, against: MLP tanh, budget: 100}
runs: ["search=shapes basis=taylor,bspline"]
"""
TASKS = ["I.12.11", "I.16.6", "I.27.6", "I.30.5", "I.40.1", "I.6.2"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A published study of six equations: its folder, its records, and its page."""
    folder = tmp_path_factory.mktemp("page") / "three"
    folder.mkdir()
    frame = load_records("results/robustness")
    frame = frame[(frame.experiment == "base") & frame.task.isin(TASKS)].reset_index(drop=True)
    write_csv(frame, folder / "records.csv.gz")
    (folder / "study.yaml").write_text(STUDY)
    assert run_command("report", str(folder / "records.csv.gz")) == 0
    return folder, frame, folder / "report.html"


def test_the_page_of_a_table_has_the_answer_of_its_study_and_only_chosen_records(study):
    _, frame, page = study
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    result = Result.of(frame, "Three families", "MLP tanh", Primary("KAN Taylor", "MLP tanh", 100))
    assert data["answer"] == result.answer
    assert "the primary comparison, tested alone" in data["answer"]
    finished = result.frame[result.frame.budget == 100].groupby("method").stopped.agg(lambda how: (how == "cap").mean())
    ratio = float(re.search(r"error ratio ([\d.]+)", data["answer"])[1])
    medians = result.frame.groupby(["method", "task"]).test_rel_l2.median().map(np.log).groupby("method").mean()
    higher, lower = re.search(r"the error of (.+) over that of (.+?)\.", data["note"]).groups()
    assert ratio == pytest.approx(np.exp(medians[higher] - medians[lower]), rel=5e-3)
    shares = ", ".join(f"{100 * finished[name]:.0f} % of {name}" for name in (lower, higher))
    assert data["note"].endswith(f"Still improving when their steps were used up: {shares}.")
    assert data["commands"] == ["python -m kanbench search=shapes basis=taylor,bspline"]
    assert len(data["records"]["cell"]["codes"]) == len(result.frame) < len(frame)
    assert not [name for name in data["records"] if name.startswith("val_at_")]
    assert [row["ratio"] for row in data["ratios"]] == pytest.approx(result.ratios.ratio.tolist())
    assert page.stat().st_size < 0.9e6


def test_trials_are_ranked_by_validation_and_the_first_is_the_one_that_was_chosen(study):
    frame = study[1]
    trials = trials_table(frame, choose_shapes(frame))
    assert len(trials) == frame.cell.nunique()
    medians = frame.groupby("cell").val_rel_l2.median()
    np.testing.assert_allclose(trials.set_index("cell").error, medians[trials.cell], rtol=1e-12)
    for (task, method), of_search in trials.groupby(["task", "method"]):
        finished = of_search[of_search.place != "outranked"]
        assert finished.error.is_monotonic_increasing
        assert finished.place.tolist()[:2] == ["chosen", "second"]
        graded = frame[(frame.task == task) & (frame.searched == method) & frame.test_rel_l2.notna()]
        assert finished.cell.iloc[0] == graded.cell.unique().item()
    table = Result.of(frame).shapes
    chosen = trials[trials.place == "chosen"]
    assert sorted(zip(table.task, table.shape_label, table.at_edge, strict=True)) == sorted(
        zip(chosen.task, chosen.shape_label, chosen.at_edge, strict=True)
    )


@pytest.mark.parametrize("text", ["title: [", "title: x\nbaseline: y\nruns: []\nprimary: {method: z}\n"])
def test_a_study_file_that_cannot_be_read_is_one_sentence(study, tmp_path, capsys, text):
    (tmp_path / "records.csv.gz").write_bytes((study[0] / "records.csv.gz").read_bytes())
    (tmp_path / "study.yaml").write_text(text)
    assert run_command("report", str(tmp_path)) == 2
    said = capsys.readouterr().err
    assert "study.yaml" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


@pytest.mark.browser
@pytest.mark.xdist_group("page")
def test_a_reader_sees_the_answer_chooses_a_task_and_reads_its_search(study, chromium):
    _, frame, page = study
    result = Result.of(frame, "Three families", "MLP tanh", Primary("KAN Taylor", "MLP tanh", 100))
    with chromium.new_context(offline=True, viewport={"width": 360, "height": 740}) as context:
        tab = context.new_page()
        tab.set_default_timeout(60_000)
        complaints = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        visit(tab, page)
        answer, verdict = tab.text_content("#answer"), tab.text_content("#answer strong")
        note = tab.text_content("#answer-note")
        wide = tab.evaluate("() => document.documentElement.scrollWidth")
        hidden = [tab.locator(f"#{name}").is_hidden() for name in ("networks", "training")]
        ratios = tab.locator("#ratios tbody tr").all_text_contents()
        tab.select_option("#one-task", "I.27.6")
        tab.locator("[data-next='1']").press("Enter")
        task = tab.input_value("#search-task")
        read = "() => document.getElementById('seeds').data.filter(({name}) => name).map(({name, x}) => [name, [...x]])"
        seeds = dict(tab.evaluate(read))
        tab.select_option("#search-method", "KAN BSpline")
        rows = [row.locator("td").all_text_contents() for row in tab.locator("#trials tbody tr").all()]
        tab.uncheck("#methods label:has-text('KAN BSpline') input")
        left = tab.locator("#ratios tbody tr").count()
    assert complaints == []
    assert answer == result.answer
    assert "Still improving when their steps were used up: " in note
    assert verdict.endswith("on 6 tasks at 100 parameters")
    assert wide <= 360
    assert hidden == [True, True]
    assert [row.split("KAN ")[1][:3] for row in ratios] == [m[4:7] for m in result.ratios.method]
    assert task == "I.30.5"  # the one after I.27.6
    of_task = result.frame[result.frame.task == task]
    for method, errors in seeds.items():
        np.testing.assert_allclose(sorted(errors), sorted(of_task[of_task.method == method].score), rtol=1e-4)
    trials = result.trials[(result.trials.task == task) & (result.trials.method == "KAN BSpline")]
    assert [row[0] for row in rows] == trials.shape_label.tolist()
    assert [row[1].split(" ")[0] for row in rows[:2]] == ["chosen", "second"]
    np.testing.assert_allclose([float(row[2]) for row in rows], trials.error, rtol=1e-2)
    assert left == len(ratios) - 1
