"""A dry run says what a run would do, how long it may take, and leaves no trace."""

import re
import time
from dataclasses import replace

import hydra
import pytest

from kanbench.cells import Execution, run_cell
from kanbench.cells.forecast import cost, pace
from kanbench.cli.main import answer
from kanbench.cli.words import Words
from kanbench.config.read import read_config
from kanbench.errors import duration
from kanbench.run.dry_run import forecast, lines
from kanbench.run.job import job_of
from kanbench.run.running import run
from kanbench.training import SGD, Adam, LevenbergMarquardt

TINY = [
    *(
        "name=tiny",
        "data=feynman",
        "data.tasks=[I.12.11,I.6.2]",
        "budget.targets=[30,60]",
        "seeds=2",
        "trainer.workers=1",
    ),
    *("data.train=60", "data.validation=40", "data.test=50", "optimizer.steps=4", "optimizer.check_every=2"),
]


def config_of(folder, *words):
    given = Words.parse([f"results={folder}", *TINY, *words])
    with given.composing():
        return read_config(hydra.compose(given.name, list(given.overrides)))


def job(folder, *words):
    return job_of(config_of(folder, *words), ["python", "-m", "kanbench"], folder)


def twice_as_slow(cell, execution):
    return 2.0


def test_every_cell_is_known_skipped_or_missing(tmp_path):
    """B-splines of 8 terms on 6 inputs have at least 58 parameters, so one cell has no model; MLPs have all."""
    words = ("data.tasks=[I.12.11,I.9.18]", "references=true")
    found = forecast(job(tmp_path, *words), measure=twice_as_slow)
    cells = found.job.cells
    assert len(cells) == 2 * (2 * 2 + 3)
    assert [(cell.task.name, cell.budget) for cell, _ in found.skipped] == [("I.9.18", 30)]
    assert found.skipped[0][1].startswith("a budget of 30 parameters is too small for KAN BSpline with 6 inputs")
    assert len(found.missing) == len(cells) - 1
    text = "\n".join(lines(found))
    assert "skipped   KAN BSpline on I.9.18 at 30: a budget of 30" in text
    assert "14 cells: 2 tasks, budgets 30, 60" in text
    assert list(tmp_path.iterdir()) == []


def test_the_time_is_that_of_the_cost_model_at_the_pace_of_this_machine(tmp_path):
    def measured(cell, execution):
        return 1.0 if cell.budget == 30 else 3.0

    found = forecast(job(tmp_path), measure=measured)
    plain = sum(map(cost, found.missing))
    seconds = [found.seconds(found.missing, of) for of in (min, lambda paces: sum(paces) / 2, max)]
    assert seconds == pytest.approx([plain, 2 * plain, 3 * plain])
    assert "an estimate by 4 short trainings" in "\n".join(lines(found))


def test_the_range_goes_from_an_early_end_of_all_trainings_to_their_last_step(tmp_path):
    def measured(cell, execution):
        return 1.0 if cell.budget == 30 else 3.0

    found = forecast(job(tmp_path, "optimizer.steps=1000", "optimizer.window=40"), measure=measured)
    low, high = found.range()
    assert low == pytest.approx(sum(cost(cell, 80) for cell in found.missing))
    assert high == pytest.approx(3 * sum(cost(cell, 1_000) for cell in found.missing))
    assert low < found.seconds(found.missing) < high
    fixed = forecast(job(tmp_path, "optimizer.steps=1000", "optimizer.least_gain=0"), measure=twice_as_slow)
    assert fixed.range() == pytest.approx((fixed.seconds(fixed.missing),) * 2)


def test_adam_doubles_its_run_at_least_once(tmp_path):
    words = ("optimizer=adam", "optimizer.steps=100", "optimizer.doublings=2")
    found = forecast(job(tmp_path, *words), measure=twice_as_slow)
    assert found.range() == pytest.approx(
        [2 * sum(cost(cell, steps) for cell in found.missing) for steps in (300, 700)]
    )


def test_records_that_are_there_give_the_pace_and_are_not_trained_again(tmp_path):
    assert run(config_of(tmp_path, "budget.targets=[30]"), ["python"], tmp_path / "job") == 0
    before = sorted(tmp_path.rglob("*"))
    found = forecast(job(tmp_path), measure=None)  # nothing is measured
    assert {cell.budget for cell in found.known} == {30}
    assert {cell.budget for cell in found.missing} == {60}
    assert found.source == "the recorded seconds of 4 cells"
    assert forecast(job(tmp_path, "budget.targets=[30]")).missing == []
    whole = "\n".join(lines(forecast(job(tmp_path, "budget.targets=[30]"))))
    assert "everything is there" in whole
    assert sorted(tmp_path.rglob("*")) == before


def test_a_shard_is_forecast_alone_and_shards_share_all_cells(tmp_path):
    shards = [forecast(job(tmp_path, f"shard={i}/3"), measure=twice_as_slow) for i in (1, 2, 3)]
    keys = [cell.key for each in shards for cell in each.missing]
    assert sorted(keys) == sorted(cell.key for cell in job(tmp_path).cells)
    assert "shard 2/3 of 8" in "\n".join(lines(shards[1]))


def test_cells_that_an_earlier_job_of_a_sweep_trains_are_counted_once(tmp_path):
    first = forecast(job(tmp_path), measure=twice_as_slow)
    second = forecast(job(tmp_path, "basis=rbf"), frozenset(c.key for c in first.missing), measure=twice_as_slow)
    assert {cell.method.label for cell in second.missing} == {"KAN RBF"}
    assert {cell.method.label for cell in second.known} == {"MLP tanh"}


def test_hours_stay_apart_from_the_column_beside_them(tmp_path):
    printed = list(lines(forecast(job(tmp_path), measure=lambda cell, execution: 2e5)))
    header = next(line for line in printed if line.strip().startswith("method"))
    rows = [line for line in printed if line.startswith(("KAN", "MLP"))]
    assert all(re.fullmatch(r"\S+ \S+ +4 +8 +0 +0 +4 {2,}\d+ h \d\d min", row) for row in rows)
    assert {len(row) for row in rows} == {len(header.strip())}


def test_the_command_line_prints_a_plan_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert answer([*TINY, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "8 cells: 2 tasks, budgets 30, 60" in printed
    assert "an estimate by" in printed
    assert "results would be in results/runs/tiny" in printed
    assert answer(["run", "-m", *TINY, "basis=bspline,rbf", "--dry-run"]) == 0
    assert "the whole sweep: 12 cells to train" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["experiment=hand_derived"], "kanbench: --dry-run: a system is one process without cells"),
        (["experiment=smoke", "--cfg", "job"], "kanbench: --dry-run: --cfg prints something else"),
        (["experiment=smoke", "seeds=0"], "kanbench: seeds: must be at least 1"),
        (["experiment=smok"], "kanbench: experiment=smok: unknown option 'smok'"),
    ],
)
def test_words_that_cannot_be_run_are_refused_in_one_sentence(words, said, capsys):
    assert answer([*words, "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_more_work_costs_more(tmp_path):
    cell = job(tmp_path).cells[0]
    lm = replace(cell, optimizer=LevenbergMarquardt(steps=80))
    for more in (
        replace(lm, budget=2 * lm.budget),
        replace(lm, seeds=(0, 1, 2)),
        replace(lm, sizes=replace(lm.sizes, train=2 * lm.sizes.train)),
        replace(lm, optimizer=LevenbergMarquardt(steps=2 * lm.optimizer.steps)),
    ):
        assert cost(more) > cost(lm)
    large = replace(lm, budget=2_000, sizes=replace(lm.sizes, train=5_000))
    assert cost(large) > 10 * cost(replace(large, budget=500))  # J^T J grows with the square
    adam = replace(large, optimizer=Adam(rates=(1e-3,), steps=100))
    assert cost(adam) < 5 * cost(replace(adam, budget=500))  # a gradient grows in proportion
    assert cost(replace(adam, optimizer=SGD(rates=(1e-3,), steps=100, batch=10))) < cost(adam)


def test_more_parameters_than_rows_cost_by_their_product(tmp_path):
    """The dual system has the size of the rows: J J^T costs rows^2 params, and Cholesky rows^3."""
    cell = replace(job(tmp_path).cells[0], optimizer=LevenbergMarquardt())
    assert cost(replace(cell, budget=4_000)) < 2.5 * cost(replace(cell, budget=2_000))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.35, "0.35 s"), (1.0, "1 s"), (42.3, "42 s"), (99.6, "100 s"), (150, "2 min"), (6_000, "1 h 40 min")],
)
def test_a_duration_is_said_in_words(seconds, said):
    assert duration(seconds) == said


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=80, least_gain=0.0), Adam(steps=300, doublings=0)])
def test_the_estimate_is_within_a_factor_of_two_of_the_time_that_a_run_takes(tmp_path, optimizer):
    cells = [
        replace(cell, optimizer=optimizer) for cell in job(tmp_path, "data.train=1000", "budget.targets=[50,200]").cells
    ]
    run_cell(cells[0])  # what is imported and compiled at the first training
    estimated = sum(cost(cell) * pace(cell, Execution()) for cell in cells)
    started = time.process_time()
    for cell in cells:
        run_cell(cell)
    assert 0.5 < estimated / (time.process_time() - started) < 2.0
