"""Everything that can be said of a table of records, from one command."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanbench.analysis.load import COLUMNS
from kanbench.analysis.parts import LONGEST, folder_names, split
from kanbench.tables import main

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
    frame = records()
    frame.loc[(frame.method == "MLP relu") & (frame.budget == 50), ["status", "score", "params"]] = [
        "skipped",
        np.nan,
        np.nan,
    ]
    frame.loc[frame.method == "KAN RBF", "flops"] = np.nan
    frame = frame[(frame.method != "KAN RBF mean") | (frame.task != "t6") | (frame.budget != 50)]
    frame.assign(extra="column").to_csv(tmp_path / "records.csv.gz", index=False)
    assert main([str(tmp_path), "--out", str(tmp_path / "out"), "--baseline", "MLP tanh"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith(
        "KAN Taylor (the best of 5) is better than MLP tanh on 8 tasks at 100 parameters: error ratio 4.00"
    )
    names = {path.name for path in (tmp_path / "out").iterdir()}
    for table in ("errors", "ranking", "tests", "best_of", "exponents", "failures", "aggregations", "front_flops"):
        assert {f"{table}.csv", f"{table}.md", f"{table}.tex"} <= names
    for figure in (
        *("loss_vs_parameters", "loss_vs_flops", "loss_vs_seconds", "performance_profile", "critical_difference"),
        *("heat_map", "aggregations", "tasks"),
    ):
        assert {f"{figure}.png", f"{figure}.svg"} <= names
    page = (tmp_path / "out/tables.md").read_text()
    assert page.index(said[1]) < page.index("| KAN Taylor |")
    tested = pd.read_csv(tmp_path / "out/tests.csv")
    assert len(tested[tested.budget == 50]) == 4  # the skipped one is left out
    assert len(tested[tested.budget == 100]) == 5


def test_axes_are_one_set_of_tables_with_a_figure_along_each(tmp_path, capsys):
    levels = [(100, 0.0), (1000, 0.0), (1000, 0.1)]
    frame = pd.concat(
        records(8, (50, 100), f"p{n}{noise}", train_size=n, n_train=n, noise=noise, settings="steps=80")
        for n, noise in levels
    )
    loud = (frame.noise > 0) & (frame.method == "KAN Taylor")
    frame.loc[loud, "score"] *= 50.0
    frame.to_csv(tmp_path / "records.csv", index=False)
    assert main([str(tmp_path), "--out", str(tmp_path / "out"), "--baseline", "MLP tanh", "--title", "title"]) == 0
    said = capsys.readouterr().out
    assert "training rows 100, noise 0: KAN Taylor (the best of 5) is better than MLP tanh on 8 tasks" in said
    assert "training rows 1,000, noise 0.1: KAN Taylor mean (the best of 5) is better than MLP tanh" in said
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("tables", "ranking", "failures", "train_size", "train_size_ratios", "noise", "noise_ratios"),
        *("loss_vs_train_size", "loss_vs_noise"),
    }
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
        main([str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"), "--baseline", "MLP tahn"])
    with pytest.raises(ValueError, match="nowhere"):
        main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
