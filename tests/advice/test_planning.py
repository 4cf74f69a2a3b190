"""The plan of an advice: the rule of the rows, and what fits into a time."""

from pathlib import Path

import numpy as np
import pytest

from kanbench.advice.plan import FAMILIES, Trials, in_time, plan_for, table_of, with_few, with_fewer_rows
from kanbench.cells import Search, Vary
from kanbench.config.config import Config
from kanbench.config.settings import TrainerConfig
from kanbench.data import Shares, Suite, table_task
from kanbench.errors import ConfigError
from kanbench.loggers.settings import LoggerConfig
from kanbench.methods import MLPMethod
from kanbench.training import LevenbergMarquardt


def config_of(rows, n_inputs=2):
    x = np.random.default_rng(0).normal(size=(rows, n_inputs))
    task = table_task("t", [f"x{i}" for i in range(n_inputs)], x, "y", x.sum(axis=1))
    return Config(
        name="t",
        folder=Path("t"),
        methods=(MLPMethod(),),
        suite=Suite("table", "t", (task,)),
        tasks=(task,),
        sizes=Shares(),
        budgets=(1,),
        seeds=(0, 1, 2),
        optimizer=LevenbergMarquardt(),
        trainer=TrainerConfig(),
        logger=LoggerConfig(),
        vary=Vary.initialization,
        search=Search(trials=6, least=3, first_seeds=3),
    )


@pytest.mark.parametrize(("rows", "n_inputs"), [(150, 1), (442, 10), (3_000, 5), (20_000, 20)])
def test_no_budget_exceeds_a_third_of_the_training_rows(rows, n_inputs):
    plan = plan_for(config_of(rows, n_inputs), None)
    budgets = list(dict.fromkeys(each.budget for each in plan.trials))
    assert plan.most == round(0.6 * rows) // 3
    assert budgets[0] == min(budgets, key=lambda budget: abs(np.log(budget / 100)))
    for budget in budgets:
        searches = [each for each in plan.trials if each.budget == budget]
        assert len({len(each.cells) for each in searches}) == 1  # as many shapes for all families
        scarce = [each for each in plan.scarce if each.budget == budget]
        assert searches[0].family == "MLP tanh"
        assert {each.family for each in [*searches, *scarce]} == {method.line for method in FAMILIES}
        sizes = [cell.sizing for each in searches for cell in each.cells]
        assert not any(size.is_marked for size in sizes)
        assert max(size.params for size in sizes) <= plan.most


@pytest.mark.parametrize(
    ("rows", "n_inputs", "said"),
    [
        (60, 1, "12 test rows of 60 rows cannot tell two models apart; at least 20 are needed"),
        (110, 60, "66 training rows allow 22 parameters, one for every 3 of them, and no two families have networks"),
    ],
)
def test_a_table_that_is_too_small_is_one_sentence(rows, n_inputs, said):
    with pytest.raises(ConfigError, match=said):
        plan_for(config_of(rows, n_inputs), None)


def test_budgets_that_are_asked_for_overrule_the_rule():
    plan = plan_for(config_of(150), (100,))
    assert {each.budget for each in plan.trials} == {100}
    with pytest.raises(ConfigError, match="90 training rows are enough, but no two families have networks"):
        plan_for(config_of(150, 60), (50,))


def test_few_shapes_are_the_first_of_the_usual_ones():
    config = config_of(442)
    few, usual = (plan_for(each, (100,)).trials[1].cells for each in (with_few(config), config))
    assert [cell.method for cell in few] == [cell.method for cell in usual][:3]
    assert {cell.seeds for cell in few} == {(0,)}


def test_a_large_table_trains_on_ten_thousand_rows_and_tests_on_as_many_as_before():
    config = config_of(30_000)
    before, after = (table_of(each).rows(each.sizes) for each in (config, with_fewer_rows(config)))
    assert (before.train, after.train) == (18_000, 10_000)
    assert (after.validation, after.test) == (before.validation, before.test) == (6_000, 6_000)
    assert with_fewer_rows(config_of(150)) == config_of(150)


def test_a_time_takes_what_its_workers_finish_in_order():
    trials = [Trials(name, 1, ()) for name in "abcdef"]
    cost = dict(zip(trials, [4.0, 1.0, 2.0, 9.0, 2.0, 1.0], strict=True)).__getitem__

    def taken(seconds, workers):
        return "".join(each.family for each in in_time(trials, seconds, workers, cost))

    assert taken(4.0, 1) == "a"
    assert taken(6.0, 1) == "ab" + "f"
    assert taken(4.0, 2) == "abcf"  # a on one; b, c and f on the other
    assert taken(0.5, 8) == ""
