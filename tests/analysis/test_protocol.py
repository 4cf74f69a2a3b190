"""What may not be compared is refused, and named; what is an axis becomes a column."""

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis import load_records, summarize
from kanbench.analysis.protocol import FIXED, check_protocol, levels, say_level
from kanbench.store.record import CellRecord, RecordStore

HELD = {
    "train_size": 100, "validation_size": 50, "test_size": 70, "noise": 0.0, "extrapolation": 0.0, "vary": "all",
    "optimizer": "Adam", "settings": "batch=4; steps=9", "precision": "double", "results_version": 1, "data": "d",
    "same_as": "", "protocol": "p", "suite": "s", "task": "t", "lr": 0.1, "status": "ok", "params": 51, "missed": False,
    "seconds": 1.0, "flops": 1, "evaluations": 1,
}  # fmt: skip


def cell(method, budget, score=0.5, seeds=(0, 1), rates=(0.1,), **changes):
    name = f"{method}-{budget}-{sorted(changes.items())}"
    facts = HELD | {"method": method, "budget": budget, "cell": name, "score": score, "val_rel_l2": score} | changes
    return [facts | {"seed": seed, "lr": rate} for seed in seeds for rate in rates]


def frame(*cells):
    table = pd.DataFrame([row for rows in cells for row in rows])
    return table.assign(budget=table.budget.astype("Int64"))


def test_equal_cells_pass_and_references_need_no_trials():
    check_protocol(frame(cell("KAN", 50), cell("MLP", 50), cell("linear", None, rates=(None,))))


@pytest.mark.parametrize(
    ("column", "other", "sentence"),
    [
        ("train_size", 200, "training rows differ (100 and 200; column train_size)"),
        ("validation_size", 60, "validation rows differ (50 and 60;"),
        ("test_size", 80, "test rows differ (70 and 80;"),
        ("noise", 0.1, "noise of the training targets differ (0 and 0.1;"),
        ("extrapolation", 0.2, "extrapolation of the test points differ (0 and 0.2;"),
        ("vary", "data", "what varies between seeds differ (all and data;"),
        ("optimizer", "SGD", "optimizers differ (Adam and SGD;"),
        ("settings", "batch=4; steps=8", "settings of the optimizer differ (steps=9 and steps=8;"),
        ("precision", "single", "precision differ (double and single;"),
        ("results_version", 2, "versions of the results differ (1 and 2;"),
        ("data", "e", "the data of task t differ (suite s; column data)"),
    ],
)
def test_a_refusal_names_what_differs_and_nothing_else(column, other, sentence):
    with pytest.raises(ValueError, match="cannot be compared") as refusal:
        check_protocol(frame(cell("KAN", 50), cell("MLP", 50, **{column: other, "protocol": "q"})))
    assert sentence in str(refusal.value)
    assert str(refusal.value).count("differ") == 1


def test_seeds_trials_and_budgets_must_be_equal():
    with pytest.raises(ValueError, match=r"seeds differ between cells \(0, 1 of KAN and 0, 1, 2 of MLP\)"):
        check_protocol(frame(cell("KAN", 50), cell("MLP", 50, seeds=(0, 1, 2))))
    with pytest.raises(
        ValueError, match=r"learning rates \(trials\) differ between cells \(0.1 of KAN and 0.1, 0.2 of"
    ):
        check_protocol(frame(cell("KAN", 50), cell("MLP", 50, rates=(0.1, 0.2))))
    with pytest.raises(ValueError, match=r"budgets differ \(KAN: 50, 99; MLP: 50\); all have 50$"):
        check_protocol(frame(cell("KAN", 50), cell("KAN", 99), cell("MLP", 50)))
    with pytest.raises(ValueError, match=r"budgets differ \(KAN: 99; MLP: 50\); there is none that all have"):
        check_protocol(frame(cell("KAN", 99), cell("MLP", 50)))


def test_methods_are_compared_within_a_level_of_an_axis_only():
    records = frame(
        *(cell("KAN", 50, e, range(4), noise=noise, protocol=str(noise)) for noise, e in ((0.0, 0.1), (0.1, 0.4))),
        *(cell("MLP", 50, e, range(4), noise=noise, protocol=str(noise)) for noise, e in ((0.0, 0.2), (0.1, 0.3))),
    )
    assert [(level, len(part)) for level, part in levels(records)] == [({"noise": 0.0}, 8), ({"noise": 0.1}, 8)]
    summary = summarize(records, "MLP").set_index(["noise", "method"])
    assert summary.error.to_dict() == pytest.approx(
        {(0.0, "KAN"): 0.1, (0.0, "MLP"): 0.2, (0.1, "KAN"): 0.4, (0.1, "MLP"): 0.3}
    )
    assert summary.loc[(0.0, "KAN"), ["win", "loss"]].tolist() == [1, 0]
    assert summary.loc[(0.1, "KAN"), ["win", "loss"]].tolist() == [0, 1]
    with pytest.raises(ValueError, match="settings of the optimizer differ"):
        summarize(frame(cell("KAN", 50), cell("MLP", 50, settings="steps=8"), cell("MLP", 50, noise=0.1)))


ADDED = ["validation_size", "test_size", "train_size", "noise", "extrapolation", "vary", "settings", "data"]


def older(rows):
    """As they were written before these columns were."""
    return [{name: value for name, value in row.items() if name not in ADDED} for row in rows]


def stored(folder, *cells):
    """Loaded from record files."""
    store = RecordStore(folder / "cells")
    store.prepare()
    for i, rows in enumerate(cells):
        store.write(
            CellRecord(f"{i}", [{"test_rel_l2": row["score"], "n_train": 100} | row for row in rows], {}, {}, {})
        )
    return load_records(folder)


def test_older_records_have_the_default_of_an_axis_and_what_others_of_their_protocol_say(tmp_path):
    records = stored(
        tmp_path,
        older(cell("KAN", 50, 0.1)),
        older(cell("MLP", 50, 0.2)),
        cell("RBF", 50, 0.3),
        *(cell(method, 50, 0.4, noise=0.1, protocol="q") for method in ("KAN", "MLP", "RBF")),
    )
    assert [(say_level(level), len(part)) for level, part in levels(records)] == [("noise 0", 6), ("noise 0.1", 6)]
    summary = summarize(records, "MLP").set_index(["noise", "method"])
    assert summary.error.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
    assert not records[list(FIXED)].isna().any().any()
    unsaid = records.assign(**records[list(FIXED)].mask(records.method == "KAN"))  # a table that was written before
    unsaid.to_csv(tmp_path / "records.csv", index=False)
    read = load_records(tmp_path / "records.csv")
    pd.testing.assert_frame_equal(read[list(FIXED)], records[list(FIXED)], check_dtype=False)


def test_older_records_of_a_protocol_that_no_other_describes_are_clean_and_refused_beside_others(tmp_path):
    records = stored(
        tmp_path, older(cell("KAN", 50, protocol="old")), cell("MLP", 50), cell("MLP", 50, noise=0.2, protocol="q")
    )
    old = records[records.protocol == "old"]
    assert old[["train_size", "noise", "extrapolation"]].drop_duplicates().to_numpy().tolist() == [[100, 0, 0]]
    assert old.vary.unique().tolist() == ["all"]
    assert old.settings.isna().all()
    with pytest.raises(ValueError, match="they are of 2 protocols, which older records do not describe"):
        summarize(records)


def test_records_without_a_value_are_a_level_of_their_own():
    records = frame(cell("KAN", 50, noise=np.nan), cell("KAN", 50, noise=0.1), cell("MLP", 50, noise=0.1))
    assert [(say_level(level), len(part)) for level, part in levels(records)] == [
        ("noise 0.1", 4),
        ("noise unknown", 2),
    ]
