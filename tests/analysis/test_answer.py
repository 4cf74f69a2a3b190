"""The answer in a sentence, against SciPy's bootstrap and tables for a pencil."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kanbench.analysis.answer import answers, digits, error_ratio, say


def table(scores, budget=300):
    """A frame of records from {method: (tasks, seeds)}."""
    return pd.DataFrame(
        {
            "suite": "s", "task": f"t{task}", "same_as": "", "method": method, "budget": budget, "seed": seed,
            "lr": None, "val_rel_l2": score, "score": score, "status": "ok", "protocol": "p",
            "cell": f"{method} {task} {budget}",
        }
        for method, rows in scores.items()
        for task, row in enumerate(rows)
        for seed, score in enumerate(row)
    )  # fmt: skip


def test_the_interval_of_one_task_is_that_of_scipy():
    rng = np.random.default_rng(3)
    ours, theirs = rng.lognormal(size=(2, 9))
    interval = error_ratio(ours[None], theirs[None], np.random.default_rng(0), resamples=20_000)
    reference = stats.bootstrap(
        (ours, theirs),
        lambda a, b, axis: np.median(a, axis) / np.median(b, axis),
        paired=True, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert interval.estimate == pytest.approx(np.median(ours) / np.median(theirs))
    assert interval.low == pytest.approx(reference.low, rel=0.05)
    assert interval.high == pytest.approx(reference.high, rel=0.05)


def test_pairing_takes_out_what_the_seeds_share():
    theirs = np.random.default_rng(0).lognormal(sigma=2.0, size=(6, 5))  # a seed that is hard is hard for both
    interval = error_ratio(3.0 * theirs, theirs, np.random.default_rng(0))
    assert [interval.low, interval.estimate, interval.high] == pytest.approx([3.0, 3.0, 3.0])


def test_the_interval_covers_the_truth():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        noise = np.exp(0.3 * rng.standard_normal((2, 12, 9)))
        interval = error_ratio(2.0 * noise[0], noise[1], rng, resamples=400)
        covered += interval.low <= 2.0 <= interval.high
    assert covered / 200 >= 0.92


def test_the_sentence_names_the_better_one_first_whichever_is_the_baseline():
    frame = table({"KAN": [[0.4, 0.4], [0.1, 0.1]], "MLP": [[0.1, 0.1], [0.1, 0.1]]})  # ratios 4 and 1: mean 2
    sentence = "MLP is better than KAN on 2 tasks at 300 parameters: error ratio 2.00 "
    evidence = "(95 % interval over seeds 2.00 .. 2.00; no test over fewer than 6 tasks); it wins 1, ties 1, loses 0."
    for baseline in ("MLP", "KAN", None, "absent"):
        assert say(answers(frame, baseline)) == sentence + evidence


def test_an_interval_around_one_is_no_difference():
    frame = table({"KAN": [[0.1, 0.2, 0.3]], "MLP": [[0.3, 0.1, 0.2001]]})
    assert say(answers(frame, "MLP")).startswith("KAN and MLP cannot be told apart on 1 task at 300 parameters: error")


def test_one_seed_and_an_error_of_zero_have_no_interval():
    assert say(answers(table({"KAN": [[0.1]], "MLP": [[0.3]]}))) == (
        "KAN has a lower error than MLP on 1 task at 300 parameters: error ratio 3.00 "
        "(no interval; no test over fewer than 6 tasks)."
    )
    assert "error ratio inf (no interval; " in say(answers(table({"KAN": [[0.0, 0.0]], "MLP": [[0.3, 0.2]]})))


def test_the_baseline_meets_the_best_of_many_at_the_largest_budget_and_reversals_are_said():
    small = table({"A": [[0.9, 0.9]], "B": [[0.5, 0.5]], "MLP": [[0.3, 0.3]]}, budget=50)
    large = table({"A": [[0.1, 0.1]], "B": [[0.2, 0.2]], "MLP": [[0.3, 0.3]]}, budget=1_000)
    said = say(answers(pd.concat([small, large]), "MLP"))
    assert said.startswith("A (the best of 2) is better than MLP on 1 task at 1,000 parameters: error ratio 3.00")
    assert said.endswith("At 50 parameters it is the other way round.")
    assert say(answers(large)).startswith("A is better than B (the second of 3) on 1 task")


def of_ratios(budget=300, **ratios):
    """An MLP whose error is 0.01 on every task and seed, and KANs with so many times less."""
    n_tasks = len(next(iter(ratios.values())))
    scores = {method: [[0.01 / ratio] * 3 for ratio in of_tasks] for method, of_tasks in ratios.items()}
    return table(scores | {"MLP": [[0.01] * 3] * n_tasks}, budget)


def test_better_is_not_said_where_the_test_over_tasks_does_not_agree():
    ratios = [8.0, 9.0, 0.8, 0.7, 6.0, 0.6, 0.5]  # the mean says 2 with no spread over seeds; 3 of 7 tasks say so
    p = stats.wilcoxon(np.log(ratios)).pvalue
    assert p > 0.05
    assert say(answers(of_ratios(KAN=ratios), "MLP")) == (
        "KAN and MLP cannot be told apart on 7 tasks at 300 parameters: error ratio "
        f"{digits(stats.gmean(ratios))} (95 % interval over seeds {digits(stats.gmean(ratios))} .. "
        f"{digits(stats.gmean(ratios))}; p = {p:.2g} over tasks); KAN wins 3, ties 0, loses 4."
    )


def test_better_is_said_where_interval_and_test_agree():
    said = say(answers(of_ratios(KAN=[2.0, 3.0, 1.5, 2.5, 1.2, 4.0]), "MLP"))
    assert said.startswith("KAN is better than MLP on 6 tasks")
    assert "; p = 0.031 over tasks); it wins 6, ties 0, loses 0." in said  # 2 / 2^6: all six on one side


def test_the_best_of_many_is_tested_as_one_of_many():
    others = {f"K{i}": [2.0, 3.0, 1.5, 2.5, 1.2 + i / 10, 0.9 - i / 10] for i in range(4)}
    ratios = {"Best": [2.0, 3.0, 1.5, 2.5, 1.2, 4.0]} | others
    (alone,) = answers(of_ratios(Best=ratios["Best"]), "MLP")
    assert alone.is_clear
    assert (alone.test.p, alone.test.pairs) == (pytest.approx(2 / 2**6), 1)
    (chosen,) = answers(of_ratios(**ratios), "MLP")
    assert (chosen.better, chosen.rival) == ("Best", "Best")
    assert chosen.test.p == pytest.approx(5 * 2 / 2**6)  # the lowest of five, so Holm multiplies it by five
    assert "cannot be told apart" in str(chosen)
    assert "corrected for 5 pairs" in str(chosen)
    (of_all_pairs,) = answers(of_ratios(**ratios))
    assert of_all_pairs.test.pairs == 15


def test_a_mean_that_one_task_makes_is_no_better_however_sure_the_test_is_of_the_opposite():
    ratios = [1e9] + [0.5 + i / 100 for i in range(12)]
    (answer,) = answers(of_ratios(KAN=ratios), "MLP")
    assert (answer.better, answer.is_clear, answer.test.agrees) == ("KAN", False, False)
    assert answer.test.p < 0.05
    assert "over tasks, but MLP has the lower error on the median task)" in str(answer)


def test_a_tiny_p_is_said_as_such():
    assert "p < 0.001 over tasks" in say(answers(of_ratios(KAN=[2.0 + i for i in range(15)]), "MLP"))


def test_a_reversal_that_the_test_does_not_see_is_none():
    small = of_ratios(50, KAN=[1 / 8, 1 / 9, 2.0, 3.0, 1 / 6, 2.5, 2.2])
    large = of_ratios(KAN=[2.0 + i for i in range(7)])
    assert "the other way round" not in say(answers(pd.concat([small, large]), "MLP"))
    clear = of_ratios(50, KAN=[1 / (2.0 + i) for i in range(7)])
    assert say(answers(pd.concat([clear, large]), "MLP")).endswith("At 50 parameters it is the other way round.")


def test_a_method_alone_has_no_answer():
    assert answers(table({"KAN": [[0.1, 0.2]]}), "MLP") == []
    assert say([]) == ""


@pytest.mark.parametrize(
    ("number", "text"), [(1.042, "1.04"), (14.26, "14.3"), (143.2, "143"), (2310.4, "2,310"), (3e7, "3.00e+07")]
)
def test_numbers_have_three_digits(number, text):
    assert digits(number) == text
