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
    sentence = "MLP is better than KAN on 2 tasks at 300 parameters: error ratio 2.00 (95 % interval 2.00 .. 2.00)"
    for baseline in ("MLP", "KAN", None, "absent"):
        assert say(answers(frame, baseline)) == f"{sentence}; it wins 1, ties 1, loses 0."


def test_an_interval_around_one_is_no_difference():
    frame = table({"KAN": [[0.1, 0.2, 0.3]], "MLP": [[0.3, 0.1, 0.2001]]})
    assert say(answers(frame, "MLP")).startswith("KAN and MLP cannot be told apart on 1 task at 300 parameters: error")


def test_one_seed_and_an_error_of_zero_have_no_interval():
    assert say(answers(table({"KAN": [[0.1]], "MLP": [[0.3]]}))) == (
        "KAN has a lower error than MLP on 1 task at 300 parameters: error ratio 3.00 (no interval)."
    )
    assert "error ratio inf (no interval)" in say(answers(table({"KAN": [[0.0, 0.0]], "MLP": [[0.3, 0.2]]})))


def test_the_baseline_meets_the_best_of_many_at_the_largest_budget_and_reversals_are_said():
    small = table({"A": [[0.9, 0.9]], "B": [[0.5, 0.5]], "MLP": [[0.3, 0.3]]}, budget=50)
    large = table({"A": [[0.1, 0.1]], "B": [[0.2, 0.2]], "MLP": [[0.3, 0.3]]}, budget=1_000)
    said = say(answers(pd.concat([small, large]), "MLP"))
    assert said.startswith("A (the best of 2) is better than MLP on 1 task at 1,000 parameters: error ratio 3.00")
    assert said.endswith("At 50 parameters it is the other way round.")
    assert say(answers(large)).startswith("A is better than B (the second of 3) on 1 task")


def test_a_method_alone_has_no_answer():
    assert answers(table({"KAN": [[0.1, 0.2]]}), "MLP") == []
    assert say([]) == ""


@pytest.mark.parametrize(
    ("number", "text"), [(1.042, "1.04"), (14.26, "14.3"), (143.2, "143"), (2310.4, "2,310"), (3e7, "3.00e+07")]
)
def test_numbers_have_three_digits(number, text):
    assert digits(number) == text
