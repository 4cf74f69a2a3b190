"""Everything that can be said of a table of records, from one command."""

import logging
import re
import time
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import kanbench.report.tables
from kanbench.analysis import load_records, summarize
from kanbench.analysis.axes import along
from kanbench.analysis.comparisons import ranking
from kanbench.analysis.load import COLUMNS
from kanbench.analysis.parts import LONGEST, folder_names, split
from kanbench.analysis.scores import Primary, compared
from kanbench.analysis.spreadsheet import write_csv
from kanbench.cli.command import perform
from kanbench.cli.main import run_command
from kanbench.cli.tables import result_of
from kanbench.report.result import Result
from kanbench.report.terminal import print_summary
from kanbench.store.record import CellRecord, RecordStore

METHODS = {
    "KAN RBF": 3.0,
    "KAN RBF mean": 6.0,
    "KAN Taylor": 1.0,
    "KAN Taylor mean": 2.0,
    "MLP relu": 9.0,
    "MLP tanh": 4.0,
}


def records(tasks=8, budgets=(50, 100), protocol="p", **setting):
    rows = [
        dict.fromkeys(COLUMNS, np.nan)
        | {
            "suite": "s", "task": f"t{task}", "same_as": "", "method": method, "budget": budget, "params": budget + 1,
            "basis": method.split()[1] if method.startswith("KAN") else "", "status": "ok", "flops": 9 * budget,
            "aggregation": "" if "MLP" in method else "mean" if "mean" in method else "sum", "seconds": 0.01 * budget,
            "cell": f"{method}{task}{budget}{protocol}", "seed": seed, "score": 1e-3 * factor / budget * 1.1**seed,
            "protocol": protocol, "val_rel_l2": 0.1, "missed": False,
        }
        | setting
        for method, factor in METHODS.items() for task in range(tasks) for budget in budgets for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_one_command_writes_every_table_and_figure_and_says_the_answer_first(tmp_path, capsys):
    frame = records(10)
    frame.loc[(frame.method == "MLP relu") & (frame.budget == 50), ["status", "score", "params"]] = [
        "skipped",
        np.nan,
        np.nan,
    ]
    frame.loc[frame.method == "KAN RBF", "flops"] = np.nan
    frame = frame[(frame.method != "KAN RBF mean") | (frame.task != "t6") | (frame.budget != 50)]
    frame.assign(extra="column").to_csv(tmp_path / "records.csv.gz", index=False)
    assert perform("tables", str(tmp_path), "--out", str(tmp_path / "out"), "--baseline", "MLP tanh") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith(
        "KAN Taylor (the best of 5) is better than MLP tanh on 10 tasks at 100 parameters: error ratio 4.00"
    )
    names = {path.name for path in (tmp_path / "out").iterdir()}
    for table in ("errors", "ranking", "outcomes", "tests", "best_of", "slopes", "failures", "aggregations"):
        assert {f"{table}.csv", f"{table}.md", f"{table}.tex"} <= names
    for figure in (
        *("loss_vs_parameters", "performance_profile", "critical_difference"),
        *("heat_map", "aggregations", "tasks"),
    ):
        assert {f"{figure}.png", f"{figure}.svg"} <= names
    assert not [name for name in names if "flops" in name or "seconds" in name]  # they are columns, and no fronts
    page = (tmp_path / "out/tables.md").read_text()
    assert page.index(said[1]) < page.index("| KAN Taylor |")
    tested = pd.read_csv(tmp_path / "out/tests.csv")
    assert len(tested[tested.budget == 50]) == 4  # the skipped one is left out
    assert len(tested[tested.budget == 100]) == 5


def test_axes_are_one_set_of_tables_with_a_figure_along_each(tmp_path, capsys):
    levels = [(100, 0.0), (1000, 0.0), (1000, 0.1)]
    frame = pd.concat(
        records(10, (50, 100), f"p{n}{noise}", train_size=n, n_train=n, noise=noise, settings="steps=80")
        for n, noise in levels
    )
    loud = (frame.noise > 0) & (frame.method == "KAN Taylor")
    frame.loc[loud, "score"] *= 50.0
    frame.assign(train_rel_l2=frame.score * frame.noise.clip(lower=0.01)).to_csv(tmp_path / "records.csv", index=False)
    words = [str(tmp_path), "--out", str(tmp_path / "out"), "--baseline", "MLP tanh", "--title", "title"]
    assert perform("tables", *words, "--format", "png") == 0
    said = capsys.readouterr().out
    assert "training rows 100, noise 0: KAN Taylor (the best of 5) is better than MLP tanh on 10 tasks" in said
    assert "training rows 1,000, noise 0.1: KAN Taylor mean (the best of 5) is better than MLP tanh" in said
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("tables", "ranking", "failures", "train_size", "train_size_ratios", "noise", "noise_ratios"),
        *("loss_vs_train_size", "loss_vs_noise", "train_size_gap", "noise_gap"),
    }
    gaps = (tmp_path / "out/noise_gap.md").read_text().splitlines()
    assert next(line for line in gaps if line.startswith("| KAN RBF |")).split("|")[2:4] == [" 100 ", " 10 "]
    along = pd.read_csv(tmp_path / "out/noise.csv")
    assert set(along.budget) == {50, 100}
    taylor = along[(along.method == "KAN Taylor") & (along.budget == 100)].set_index("noise")
    assert taylor.ratio.tolist() == pytest.approx([1 / 4, 50 / 4])
    ranks = (tmp_path / "out/ranking.md").read_text().splitlines()
    columns = [cell.strip() for cell in ranks[2].split("|")]
    at = columns.index("training rows 1,000, noise 0.1")
    row = next(line for line in ranks if line.startswith("| KAN Taylor |"))
    assert row.split("|")[at].strip(" *") == "6.0"


def test_protocols_that_differ_in_more_than_axes_get_a_folder_each():
    frame = pd.concat(
        records(3, (50,), f"{steps}{n}", train_size=n, n_train=n, settings=f"steps={steps}", experiment=f"e{n}")
        for steps in (40, 80)
        for n in (100, 1000)
    )
    assert {name: len(part) for name, part in split(frame).items()} == {
        "steps=40": len(frame) // 2,
        "steps=80": len(frame) // 2,
    }
    older = pd.concat([records(3, (50,), f"p{n}", n_train=n) for n in (100, 1000)])  # do not say what they hold fixed
    assert list(split(older)) == ["n_train=100", "n_train=1000"]
    assert list(split(older.query("n_train == 100"))) == ["s"]


def test_parts_that_differ_in_seeds_alone_are_told_apart():
    some = records(3, (50,), "a" * 24, settings="x", optimizer="A")
    fewer = records(3, (50,), "b" * 24, settings="x", optimizer="A").query("seed < 2")
    other = records(3, (50,), "c" * 24, settings="x", optimizer="B")
    parts = split(pd.concat([some, fewer, other]))
    assert [len(part) for part in parts.values()] == [len(some), len(fewer), len(other)]
    assert [re.sub("[0-9a-f]{6}$", "#", name) for name in parts] == ["optimizer=A-#", "optimizer=A-#", "optimizer=B-#"]


def test_the_name_of_a_part_is_of_what_differs_between_methods_that_are_trained():
    """Floats as people write them, of a list of settings what is not shared, and nothing of references."""
    linear = {"method": "linear", "budget": np.nan, "cell": "linear"}
    frame = pd.concat(records(2, (50,), f"p{lr}", settings=f"steps=9; rate={lr}").assign(rate=lr) for lr in (0.1, 1e-7))
    references = pd.concat(frame[frame.method == "MLP tanh"].assign(**linear, ridge=ridge) for ridge in (1.0, 2.0))
    frame = pd.concat([frame, references], ignore_index=True)
    assert list(split(frame)) == ["rate=0.1-rate=0.1", "rate=1e-07-rate=1e-07"]


@settings(max_examples=50)
@given(st.lists(st.text(max_size=90) | st.text("aA/.", max_size=4), max_size=6))
def test_names_of_folders_are_short_safe_and_different(labels):
    names = folder_names(labels, [f"{i}" for i in range(len(labels))])
    assert len({name.lower() for name in names}) == len(labels)
    assert all(re.fullmatch(r"[\w=+][\w.=+-]*", name, re.ASCII) and len(name) <= LONGEST + 65 for name in names)
    if all(re.fullmatch(r"[a-z]{1,60}", label) for label in labels) and len(set(labels)) == len(labels):
        assert names == labels


def test_what_cannot_be_read_is_one_sentence(tmp_path):
    records(2, (50,)).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="--baseline: no method 'MLP tahn'"):
        perform("tables", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"), "--baseline", "MLP tahn")
    with pytest.raises(ValueError, match="nowhere"):
        perform("tables", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def written(frame, folder):
    frame.to_csv(folder / "records.csv", index=False)
    return folder / "records.csv"


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("budget", -50, "budget must be above 0, got '-50' (row 4; 1 row like it)"),
        ("budget", 50.5, "budget must be a whole number, got '50.5' (row 4"),
        ("budget", "many", "budget must be a number, got 'many' (row 4"),
        ("budget", np.inf, "budget must be finite, got 'inf' (row 4"),
        ("seconds", -1.0, "seconds must not be negative, got '-1.0' (row 4"),
        ("score", -0.1, "score must not be negative"),
        ("score", np.nan, "score must not be empty (row 4"),
        ("status", "good", "status must be one of ok, diverged, failed, skipped, got 'good' (row 4"),
        ("status", np.nan, "status must not be empty (row 4"),
        ("seed", np.nan, "seed must not be empty"),
        ("seed", "0; DROP", "seed must be a number"),
        ("cell", np.nan, "cell must not be empty"),
        ("method", np.nan, "method must not be empty"),
        ("task", np.nan, "task must not be empty"),
        ("protocol", np.nan, "protocol must not be empty"),
    ],
)
def test_a_table_that_no_training_can_have_left_is_refused_with_its_row(tmp_path, column, value, sentence):
    frame = records(2, (50,)).astype({column: object})
    frame.loc[2, column] = value
    path = written(frame, tmp_path)
    with pytest.raises(ValueError, match=re.escape(f"{path}: {sentence}")):
        load_records(path)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        perform("tables", str(path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_rows_that_are_there_twice_count_once_and_that_is_said(tmp_path, caplog):
    frame = records(2, (50,))
    once = load_records(written(frame, tmp_path))
    moved = frame.assign(commit="other", seconds=9.0)  # trained again elsewhere
    with caplog.at_level(logging.WARNING):
        twice = load_records(written(pd.concat([frame, moved]), tmp_path))
    assert f"{len(frame)} rows found more than once and counted once" in caplog.text
    pd.testing.assert_frame_equal(once, twice, check_dtype=False)


def test_two_results_of_one_member_are_refused(tmp_path):
    frame = records(2, (50,))
    path = written(pd.concat([frame, frame.tail(1).assign(score=0.5)]), tmp_path)
    sentence = rf"cell {frame.cell.iloc[-1]} has two different results of seed 2 \(the second is row {len(frame) + 2}\)"
    with pytest.raises(ValueError, match=sentence):
        load_records(path)


def test_a_table_that_no_memory_holds_is_one_sentence(tmp_path, monkeypatch):
    path = written(records(2, (50,)), tmp_path)
    monkeypatch.setattr("kanbench.analysis.load.MOST_ROWS", 30)
    with pytest.raises(ValueError, match="more than 30 rows are not read at once; split it by suite or by task"):
        load_records(path)


def test_names_like_formulas_are_marked_in_every_table_and_read_back(tmp_path):
    frame = records(2, (50,)).assign(suite="=1+1", experiment="@e")
    path = written(frame, tmp_path)
    perform("tables", str(path), "--out", str(tmp_path / "out"))
    write_csv(load_records(path), tmp_path / "again.csv")
    assert "'=1+1" in (tmp_path / "again.csv").read_text()
    assert load_records(tmp_path / "again.csv").suite.unique().tolist() == ["=1+1"]


def test_how_many_members_failed_stands_beside_each_error(tmp_path, capsys):
    """A median over three seeds is that of a success while one of them fails."""
    frame = records(7, (50, 100))
    failed = (frame.method == "KAN RBF") & (frame.seed == 2) & (frame.budget == 100) & frame.task.isin(["t0", "t1"])
    frame.loc[failed, ["status", "score"]] = ["failed", 1.0]
    summary = summarize(frame, "MLP tanh")
    assert summary.set_index(["method", "budget"]).failed["KAN RBF", 100] == 2
    print_summary(Console(width=200), Result.of(frame, baseline="MLP tanh"))
    said = [line for line in capsys.readouterr().out.splitlines() if "KAN RBF" in line and "mean" not in line]
    assert "2 of 21" in said[1]
    assert "of 21" not in said[0]
    perform("tables", str(written(frame, tmp_path)), "--out", str(tmp_path / "out"))
    for name in ("errors", "ranking"):
        row = next(line for line in (tmp_path / f"out/{name}.md").read_text().splitlines() if "| KAN RBF |" in line)
        assert row.count("2 of 21 failed") == 1
        tidy = pd.read_csv(tmp_path / f"out/{name}.csv").set_index(["method", "budget"])
        assert tidy.failed.to_dict() == {key: 2 * (key == ("KAN RBF", 100)) for key in tidy.index}
    sizes = pd.concat([frame.assign(train_size=n, protocol=f"{n}", cell=frame.cell + f"{n}") for n in (10, 20)])
    tidy = along(sizes.assign(train_rel_l2=sizes.score / sizes.train_size), "train_size").set_index(
        ["method", "budget"]
    )
    assert tidy.gap["KAN Taylor", 50].tolist() == pytest.approx([10, 20])
    assert "at_cap" not in tidy
    assert tidy.failed["KAN RBF", 100].tolist() == [2, 2]


def test_training_errors_exact_answers_and_members_at_the_cap_stand_beside_each_error(tmp_path, capsys):
    frame = records(7, (50, 100))
    slow = (frame.method == "KAN RBF") & (frame.budget == 100) & (frame.seed == 2)
    frame = frame.assign(
        train_rel_l2=frame.score / 4, test_r2=0.9999, stopped=np.where(slow, "cap", "converged"),
        score=frame.score.mask(slow & (frame.task == "t0"), 0.7),
    )  # fmt: skip
    perform("tables", str(written(frame, tmp_path)), "--out", str(tmp_path / "out"))
    capsys.readouterr()
    for name in ("errors", "ranking"):
        rows = (tmp_path / f"out/{name}.md").read_text().splitlines()
        assert [row.count("33 % at cap") for row in rows if row.startswith("| KAN RBF |")] == [1]
        assert sum("at cap" in row for row in rows) == 1
    lines = (tmp_path / "out/outcomes.md").read_text().splitlines()
    heading, row = (
        next(line for line in lines if line.startswith(start)) for start in ("| method", "| KAN RBF | 100 |")
    )
    cells = dict(zip(*([cell.strip() for cell in line.split("|")] for line in (heading, row)), strict=True))
    assert (cells["test"], cells["training"]) == ("3.30e-5", "8.25e-6")
    assert (cells["test / training"], cells["at cap"], cells["stuck"]) == ("4", "33 %", "5 %")
    assert cells["R^2 > .999"].startswith("100.0 % (64")
    assert r"\^{}" in (tmp_path / "out/outcomes.tex").read_text()
    print_summary(Console(width=200), Result.of(frame, baseline="MLP tanh"))
    said = capsys.readouterr().out
    assert re.search(r"interval +train +at cap", said)
    assert "1 at 100, of KAN RBF" in said
    assert "stuck above half the error of a constant predictor" in said


def test_measured_times_stand_beside_errors_and_make_a_figure(tmp_path, capsys):
    path = written(records(7, (50, 100)), tmp_path)
    measured = pd.DataFrame(
        {"method": method, "budget": budget, "forward_ms": 0.01 * budget, "step_ms": factor * budget}
        for method, factor in METHODS.items() if method != "MLP relu" for budget in (50, 100)
    )  # fmt: skip
    measured.to_csv(tmp_path / "costs.csv", index=False)
    words = ["tables", str(path), "--out", str(tmp_path / "out"), "--costs", str(tmp_path / "costs.csv")]
    assert run_command(*words, "--methods", "KAN Taylor=Taylor,MLP tanh,MLP relu", "--format", "png") == 0
    rows = (tmp_path / "out/costs.md").read_text().splitlines()[4:]
    assert [row.split("|")[1].strip() for row in rows] == ["Taylor", "MLP tanh"] * 2  # the quickest first
    assert rows[0].endswith("| 1 | 100 |")
    assert (tmp_path / "out/error_against_step_time.png").exists()
    ranked = pd.read_csv(tmp_path / "out/ranking.csv").set_index(["method", "budget"])
    assert ranked.step_ms["Taylor", 50] == pytest.approx(50.0)
    capsys.readouterr()
    measured.assign(method="KAN Fourier").to_csv(tmp_path / "costs.csv", index=False)
    assert run_command(*words) == 2
    said = capsys.readouterr().err
    assert said == f"kanbench: --costs: {tmp_path / 'costs.csv'}: none of these methods was measured (KAN Fourier)\n"


@pytest.mark.parametrize(("width", "any_failed"), [(80, False), (100, True)])
def test_the_table_of_the_terminal_fits_its_width_with_a_row_per_method(capsys, width, any_failed):
    frame = records(27, (100, 300)).assign(train_rel_l2=1.234e-3, stopped="cap", test_r2=0.9)
    if any_failed:
        frame.loc[frame.seed == 0, ["status", "score"]] = ["diverged", 1.0]
    print_summary(Console(width=width), Result.of(frame, baseline="MLP tanh"))
    table = [line for line in capsys.readouterr().out.splitlines() if "KAN RBF mean" in line]
    assert re.search(r"e-\d \.\. \d\.\de-\d +\d\.\d\de-\d +100 % ", table[0])
    assert ("27 of 81" in table[0]) is any_failed


def test_methods_that_share_a_mark_are_said_to_have_it_each_and_nothing_is_won_without_a_baseline(capsys):
    frame = records(7, (50,))
    frame["missed"] = frame.method.isin(["KAN RBF", "KAN Taylor"]) & (frame.task == "t0")
    print_summary(Console(width=200), Result.of(frame))
    said = capsys.readouterr().out
    assert "1 at 50, of each of KAN RBF, KAN Taylor" in said
    assert "w/t/l" not in said


def test_two_versions_of_one_table_share_no_report_and_no_tables(tmp_path, capsys):
    """A user changes his table and runs again; the records of both lie in one folder."""
    for data in ("before", "after"):
        store = RecordStore(tmp_path / data / "cells")
        store.prepare()
        facts = dict.fromkeys(COLUMNS, 0.5) | {"experiment": "e", "activation": "", "optimizer": "LM", "reason": ""}
        frame = records(2, (50,), data=data).fillna(facts | {"depth": 1, "width": 3, "evaluations": 9, "commit": "c"})
        for cell, part in frame.astype({"evaluations": int, "depth": int, "width": int}).groupby("cell"):
            rows = [{k: None if pd.isna(v) else v for k, v in row.items()} for row in part.to_dict("records")]
            rows = [row | {"cell": f"{cell}{data}".replace(" ", "")} for row in rows]
            store.write(CellRecord(rows[0]["cell"], rows, {}, {}, {}))
    assert run_command("report", str(tmp_path)) == 2
    assert "the data of task t0 differ (suite s; column data)" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"before", "after"}
    assert run_command("tables", str(tmp_path), "--out", str(tmp_path / "out")) == 0  # each version has its own
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"data=before", "data=after"}


def test_a_table_that_cannot_be_written_leaves_no_part_of_the_others(tmp_path, monkeypatch):
    path = written(records(2, (50,)), tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / "errors.csv").write_text("of yesterday")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kanbench.report.figures.gallery.heat_map", full)
    with pytest.raises(ValueError, match="No space left"):
        perform("tables", str(path), "--out", str(out))
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("errors.csv", "of yesterday")]


def test_what_all_tables_of_a_frame_need_is_computed_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("kanbench.analysis.scores.check_protocol", calls.append)
    monkeypatch.setattr("kanbench.report.figures.curves.Figure.savefig", lambda *_, **__: None)
    kanbench.report.tables.write_part(Result.of(records(7), "t"), tmp_path)
    assert len(calls) == 1
    found = compared(records(7))
    assert ranking(found).equals(ranking(found.frame))


@pytest.mark.slow
def test_ten_times_the_tasks_take_at_most_ten_times_as_long(tmp_path):
    """A ratio, in which the speed of the machine cancels: of the best times of a processor, tried in turn."""

    def seconds(n_tasks):
        frame = records(n_tasks, (50, 100, 200, 400))
        path = written(frame, tmp_path)
        start = time.process_time()
        perform("tables", str(path), "--out", str(tmp_path / f"out of {n_tasks}"))
        return time.process_time() - start

    seconds(2)  # imports
    few, many = zip(*((seconds(40), seconds(400)) for _ in range(2)), strict=True)
    assert min(many) < 10 * min(few)


def test_the_primary_comparison_is_given_in_words(tmp_path, capsys):
    records(8).to_csv(tmp_path / "records.csv", index=False)
    words = [str(tmp_path), "--out", str(tmp_path / "out"), "--primary"]
    for word, sentence in {
        "KAN RBF,MLP tanh": "must be METHOD,AGAINST,BUDGET, such as KAN RBF,MLP tanh,300, got 'KAN RBF,MLP tanh'",
        "KAN RBF,MLP tanh,1e3": "--primary must be METHOD,AGAINST,BUDGET",
        "KAN RBF,MLP tanh,70": "--primary: 'KAN RBF' and 'MLP tanh' at 70 parameters are not both among the records",
    }.items():
        assert run_command("tables", *words, word) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    given = Namespace(title="", baseline=None, methods="", costs=None, primary="KAN RBF, MLP tanh, 50, noise=0.1")
    assert result_of(load_records(tmp_path), given).primary == Primary("KAN RBF", "MLP tanh", 50, {"noise": 0.1})
