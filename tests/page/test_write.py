"""The page of many records is small, and that of a classification says what it is about."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from kanbench.analysis import load_records, summarize
from kanbench.analysis.kinds import measure
from kanbench.cells import Cell, Execution, Precision, run_cell
from kanbench.data import Shares, SplitSizes, load_suite
from kanbench.data.table import table_task
from kanbench.methods import REFERENCES, MLPMethod, NetworkMethod
from kanbench.models import Activation
from kanbench.page import PageOptions, find_source, write_page
from kanbench.page.choose import Choice
from kanbench.page.members import show
from kanbench.store.record import RecordStore
from kanbench.training import Adam, LevenbergMarquardt
from tests.page.opening import visit

REGRESSION = Cell(
    "study", "feynman", load_suite("feynman").task("I.27.6"), MLPMethod(), 40, (0, 1, 2, 3, 4),
    LevenbergMarquardt(steps=80, least_gain=0.0), SplitSizes(60, 60, 60), Precision.double,
)  # fmt: skip
X = np.random.default_rng(0).uniform(-1.0, 1.0, (100, 2))
SIDES = table_task("sides", ["a", "b"], X, "side", (X[:, 0] > 0).astype(float), ["left", "right"])
CLASSIFICATION = replace(
    REGRESSION, task=SIDES, suite="table", seeds=(0, 1), sizes=Shares(), budget=30,
    optimizer=Adam(steps=20, check_every=10, rates=(0.05,)),
)  # fmt: skip


def test_a_thousand_records_are_less_than_five_megabytes(tmp_path):
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    genuine = run_cell(REGRESSION, Execution(statistics=True))
    assert len(genuine.curve["steps"]) == 8
    for task in range(10):
        for method in range(20):
            key = f"{task:012d}{method:012d}"
            facts = {"task": f"task {task}", "method": f"MLP number {method}", "cell": key}
            store.write(replace(genuine, key=key, members=[member | facts for member in genuine.members]))
    path = tmp_path / "report.html"
    write_page(find_source(tmp_path), path, PageOptions(networks=0))
    assert path.read_text(encoding="utf-8").count("MLP number 7") > 0
    assert path.stat().st_size < 5e6


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """The folder of a classification, and its record."""
    folder = tmp_path_factory.mktemp("classes")
    store = RecordStore(folder / "cells")
    store.prepare()
    record = run_cell(CLASSIFICATION)
    store.write(record)
    return folder, record


def test_a_member_of_a_classification_is_shown_with_its_error_and_why_it_has_no_network(classes):
    folder, record = classes
    shown = show(Choice(record.key, 1, 0.05, "best"), {record.key: folder / "cells" / f"{record.key}.json"})
    assert shown.network["recorded"] == record.members[1]["test_rel_cross_entropy"]
    assert "records hold no rows of tables" in shown.network["reason"]
    assert shown.data == {}


class Line(nn.Module):
    """A module of one's own, which is no sequence of layers."""

    def __init__(self, n_in, generator, dtype):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, 1, generator=generator, dtype=dtype))

    def forward(self, x):
        return x @ self.weight


@dataclass(frozen=True)
class LineMethod(NetworkMethod):
    label = "line"
    family = "line"

    def columns(self):
        return {"depth": self.depth}

    def build(self, n_in, width, generator, dtype, n_out=1):
        return Line(n_in, generator, dtype)

    def count(self, n_in, width, n_out=1):
        return n_in


def test_a_network_of_ones_own_is_on_the_page_with_why_it_is_not_drawn(tmp_path):
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    cell = replace(REGRESSION, method=LineMethod(), budget=2, seeds=(0,))
    store.write(run_cell(cell))
    shown = show(Choice(cell.key, 0, None, "best"), {cell.key: store.path(cell.key)})
    assert shown.network["reason"] == "a Line is not a sequence of layers"
    assert write_page(find_source(tmp_path), tmp_path / "report.html", PageOptions()) == 1


@pytest.mark.browser
@pytest.mark.xdist_group("page")
def test_one_budget_shows_its_intervals_its_references_and_what_failed(tmp_path, chromium):
    """A band about one point is not seen, nor is a line through it."""
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    trained = [(MLPMethod(), 40), (MLPMethod(activation=Activation.relu), 40)]
    for method, budget in (*trained, *((reference, 0) for reference in REFERENCES["regression"])):
        record = run_cell(replace(REGRESSION, method=method, budget=budget, seeds=(0, 1, 2)))
        if record.members[0]["method"] == "MLP relu":
            record.members[0] |= {"status": "diverged", "reason": "not finite at step 3"}
        store.write(record)
    path = tmp_path / "report.html"
    write_page(find_source(tmp_path), path, PageOptions(networks=0))
    with chromium.new_context(offline=True) as context:
        tab = context.new_page()
        complaints = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        visit(tab, path)
        read = """() => document.getElementById('curves').data.filter(({name}) => name)
          .map(({name, x, y, error_y}) => [name, {x: [...x], y: [...y], bar: error_y}])"""
        drawn = dict(tab.evaluate(read))
        ticks = tab.locator("#curves .xtick text").all_text_contents()
        marks = tab.locator("#summary tr", has_text="MLP relu").locator(".marks").text_content()
        tab.fill("#filter", "constant")
        tab.locator("#table tbody button").first.click()
        ways = [tab.locator(way).is_enabled() for way in ("#to-network", "#to-training")]
    assert complaints == []
    assert ways == [False, False]  # a reference has neither
    assert marks.startswith("1 of 3 members failed")
    assert all(float(tick).is_integer() for tick in ticks)  # no 40.2 parameters
    frame = load_records(tmp_path)
    summary = summarize(frame, None).set_index("method")
    for method in ("MLP tanh", "MLP relu"):
        row, bar = summary.loc[method], drawn[method]["bar"]
        assert drawn[method]["y"] == pytest.approx([row.error], rel=1e-5)
        assert bar["array"] == pytest.approx([row.error_high - row.error], rel=1e-3, abs=1e-4 * row.error)
        assert bar["arrayminus"] == pytest.approx([row.error - row.error_low], rel=1e-3, abs=1e-4 * row.error)
    sizes = frame[frame.budget.notna()].params
    for reference in REFERENCES["regression"]:
        x = drawn[reference.label]["x"]
        assert x[0] < sizes.min() <= sizes.max() < x[1]


@pytest.mark.browser
@pytest.mark.xdist_group("page")
def test_the_page_of_a_classification_has_its_errors(classes, chromium):
    folder, record = classes
    path = folder / "report.html"
    assert write_page(find_source(folder), path, PageOptions()) == 2
    with chromium.new_context(offline=True) as context:
        tab = context.new_page()
        complaints = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        visit(tab, path)
        headings = tab.locator("#table th").all_text_contents()
        learned = tab.evaluate("() => document.getElementById('learning').data.map(({y}) => [...y])")
        axis = tab.evaluate("() => document.getElementById('curves').layout.yaxis.title.text")
        reasons = tab.text_content("#explorer")
        row = dict(zip(headings, tab.locator("#table tbody tr").first.locator("td").all_text_contents(), strict=True))
    assert complaints == []
    assert reasons.startswith("Not drawn: MLP tanh on sides (records hold no rows of tables")
    (member,) = [member for member in record.members if str(member["seed"]) == row["seed"]]
    assert float(row["cross-entropy on test"]) == pytest.approx(member["test_rel_cross_entropy"], rel=5e-3)
    assert float(row["accuracy on test"]) == pytest.approx(member["test_accuracy"], rel=5e-3)
    assert "error on test" not in headings
    np.testing.assert_allclose(np.array(learned).T, record.curve["validation_cross_entropy"], rtol=1e-3)
    assert axis == measure(load_records(folder))


@pytest.mark.browser
@pytest.mark.xdist_group("page")
def test_the_page_shows_a_score_and_a_loss_that_it_has_never_heard_of(tmp_path, chromium):
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    genuine = run_cell(replace(REGRESSION, seeds=(0, 1)))
    named = {"metric": "nrmse", "measure": "error over the range"}
    members = [
        {name.replace("rel_l2", "nrmse"): value for name, value in member.items()} | named for member in genuine.members
    ]
    curve = {name.replace("validation_mse", "validation_distance"): values for name, values in genuine.curve.items()}
    store.write(replace(genuine, members=members, curve=curve))
    path = tmp_path / "report.html"
    write_page(find_source(tmp_path), path, PageOptions(networks=0))
    with chromium.new_context(offline=True) as context:
        tab = context.new_page()
        complaints = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        visit(tab, path)
        headings = tab.locator("#table th").all_text_contents()
        axis = tab.evaluate("() => document.getElementById('curves').layout.yaxis.title.text")
        learned = tab.evaluate("() => document.getElementById('learning').data.map(({y}) => [...y])")
        row = dict(zip(headings, tab.locator("#table tbody tr").first.locator("td").all_text_contents(), strict=True))
    assert complaints == []
    assert axis == "error over the range"
    np.testing.assert_allclose(np.array(learned).T, curve["validation_distance"], rtol=1e-3)
    (member,) = [member for member in members if str(member["seed"]) == row["seed"]]
    assert float(row["nrmse on test"]) == pytest.approx(member["test_nrmse"], rel=5e-3)


@pytest.mark.browser
@pytest.mark.xdist_group("page")
def test_the_page_of_two_outputs_has_the_error_of_each_under_its_name(tmp_path, chromium):
    y = np.stack([X[:, 0], X[:, 0] * X[:, 1]], axis=1)
    task = table_task("pair", ["a", "b"], X, ["flow", 'drop <i> "b"'], y)
    store = RecordStore(tmp_path / "cells")
    store.prepare()
    few = LevenbergMarquardt(steps=5, least_gain=0.0)
    record = run_cell(
        replace(REGRESSION, task=task, suite="table", seeds=(0, 1), sizes=Shares(), budget=30, optimizer=few)
    )
    store.write(record)
    path = tmp_path / "report.html"
    write_page(find_source(tmp_path), path, PageOptions())
    with chromium.new_context(offline=True) as context:
        tab = context.new_page()
        visit(tab, path)
        headings = tab.locator("#table th").all_text_contents()
        tab.locator("#table th button", has_text='error of drop <i> "b"').click()
        row = dict(zip(headings, tab.locator("#table tbody tr").first.locator("td").all_text_contents(), strict=True))
    least = min(record.members, key=lambda member: member['test_rel_l2_drop <i> "b"'])
    assert row["seed"] == str(least["seed"])
    assert float(row["error of flow"]) == pytest.approx(least["test_rel_l2_flow"], rel=5e-3)
    assert float(row['error of drop <i> "b"']) == pytest.approx(least['test_rel_l2_drop <i> "b"'], rel=5e-3)
