"""The answer in a sentence, against SciPy's bootstrap and tables for a pencil."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kanbench.analysis.answer import answers, digits, say
from kanbench.analysis.scores import Compared, Primary, Scores
from kanbench.analysis.significance import paired_p
from kanbench.analysis.wins import unpaired_p


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


def test_the_sentence_names_the_one_of_lower_error_first_whichever_is_the_baseline():
    frame = table({"KAN": [[0.4] * 4, [0.1] * 4], "MLP": [[0.1] * 4, [0.1] * 4]})  # ratios 4 and 1: mean 2
    for baseline in ("MLP", "KAN", None, "absent"):
        said = say(answers(frame, baseline))
        assert said.startswith("MLP and KAN cannot be told apart on 2 tasks at 300 parameters: error ratio 2.00 (")
        assert said.endswith("; no test over fewer than 6 tasks); MLP wins 1, ties 1, loses 0.")


def test_better_is_not_said_without_a_test_over_tasks():
    frame = table({"KAN": [[0.4] * 4] * 5, "MLP": [[0.1] * 4] * 5})
    assert say(answers(frame)) == (
        "MLP and KAN cannot be told apart on 5 tasks at 300 parameters: error ratio 4.00 (95 % interval over tasks and "
        "seeds 4.00 .. 4.00; no test over fewer than 6 tasks); MLP wins 5, ties 0, loses 0."
    )


def test_an_interval_around_one_is_no_difference():
    frame = table({"KAN": [[0.1, 0.2, 0.3]], "MLP": [[0.3, 0.1, 0.2001]]})
    assert say(answers(frame, "MLP")).startswith("KAN and MLP cannot be told apart on 1 task at 300 parameters: error")


def test_one_task_says_that_its_interval_is_over_seeds_alone_and_is_tested_over_them():
    close = [0.1, 0.11, 0.12, 0.13, 0.14]
    found = say(answers(table({"KAN": [close], "MLP": [[3 * error for error in close]]})))
    assert found.startswith(
        "KAN is better than MLP on 1 task at 300 parameters: error ratio 3.00 (95 % interval over seeds"
    )
    assert found.endswith("over seeds alone 3.00 .. 3.00; p = 0.0079 over seeds).")  # 2 of the 252 orders
    few = say(answers(table({"KAN": [close[:3]], "MLP": [[3 * error for error in close[:3]]]})))
    assert few.startswith("KAN and MLP cannot be told apart on 1 task")
    assert few.endswith("; no test over fewer than 4 seeds).")


def test_the_test_over_the_seeds_of_one_task_is_corrected_for_what_could_have_been_chosen():
    close = np.array([0.1, 0.11, 0.12, 0.13, 0.14])
    frame = table({name: [close * factor] for name, factor in {"A": 1, "B": 2, "C": 3, "MLP": 4}.items()})
    (answer,) = answers(pd.concat([frame]), "MLP")
    assert (answer.test.p, answer.test.comparisons) == (pytest.approx(3 * 2 / 252), 3)
    both = pd.concat([frame, frame.assign(budget=500, cell=frame.cell + "500")])
    assert [each.test.comparisons for each in answers(both, "MLP")] == [6, 6]
    declared = Compared(both, primary=Primary("A", "MLP", 300))
    assert [each.test.comparisons for each in answers(declared)] == [1, 5]
    assert answers(declared)[0].test.p == pytest.approx(2 / 252)


def test_one_seed_and_an_error_of_zero_have_no_interval():
    assert say(answers(table({"KAN": [[0.1]], "MLP": [[0.3]]}))) == (
        "KAN has a lower error than MLP on 1 task at 300 parameters: error ratio 3.00 "
        "(no interval; no test over fewer than 4 seeds)."
    )
    assert "error ratio inf (no interval; " in say(answers(table({"KAN": [[0.0, 0.0]], "MLP": [[0.3, 0.2]]})))


def test_one_seed_of_many_tasks_has_an_interval_over_tasks_and_no_wins():
    said = say(answers(table({"KAN": [[0.1]] * 6, "MLP": [[0.3 + i / 10] for i in range(6)]})))
    assert said.startswith("KAN is better than MLP on 6 tasks")
    assert "95 % interval over tasks alone" in said
    assert said.endswith("; p = 0.031 over tasks); wins are not counted under 4 seeds.")


def spread(factor, n_tasks=9):
    """Errors of nine tasks and four seeds, whose ratios to those of another factor do not scatter."""
    return [[factor] * 4] * n_tasks


def test_the_baseline_meets_the_best_of_many_at_the_largest_budget_and_reversals_are_said():
    small = table({"A": spread(0.9), "B": spread(0.5), "MLP": spread(0.3)}, budget=50)
    large = table({"A": spread(0.1), "B": spread(0.2), "MLP": spread(0.3)}, budget=1_000)
    said = say(answers(pd.concat([small, large]), "MLP"))
    assert said.startswith("A (the best of 2) is better than MLP on 9 tasks at 1,000 parameters: error ratio 3.00")
    assert "corrected for 4 comparisons" in said  # two rivals at two budgets
    assert said.endswith("At 50 parameters it is the other way round.")
    assert say(answers(large)).startswith("A is better than B (the second of 3) on 9 tasks")


def test_the_tasks_that_the_loser_wins_are_named_the_clearest_first_and_at_most_five():
    mlp = [[0.1] * 4] * 20
    kan = [[0.001] * 4] * 12 + [[0.1 * factor] * 4 for factor in (1.05, 1.2, 9, 2, 3, 4, 5, 6)]
    (answer,) = answers(table({"KAN": kan, "MLP": mlp}))
    assert str(answer).endswith("wins 12, ties 1, loses 7 (t14, t19, t18, t17, t16 and 2 more)")
    assert answer.lost == ("t14", "t19", "t18", "t17", "t16", "t15", "t13")


def test_a_primary_comparison_is_answered_at_its_budget_and_tested_alone():
    some = [2.0, 3.0, 1.5, 2.5, 1.2, 4.0, 0.9, 1.1, 1.3]
    ratios = {
        name: [ratio * factor for ratio in some]
        for name, factor in zip("BACDE", (1.0, 0.9, 0.8, 0.7, 0.6), strict=True)
    }
    frame = pd.concat(of_ratios(budget, **ratios) for budget in (100, 300))
    alone = stats.wilcoxon(np.log(ratios["B"])).pvalue
    assert alone < 0.05 < 10 * alone
    found = answers(Compared(frame, primary=Primary("B", "MLP", 100)), "MLP")
    assert [(each.better, each.test.comparisons, each.test.is_primary) for each in found] == [
        ("B", 1, True), ("B", 9, False)
    ]  # fmt: skip
    assert found[0].test.p == pytest.approx(alone)
    said = say(found)
    assert said.startswith("B is better than MLP on 9 tasks at 100 parameters")
    assert f"p = {alone:.2g} over tasks, the primary comparison, tested alone)" in said


def of_ratios(budget=300, **ratios):
    """An MLP whose error is 0.01 on every task and seed, and KANs with so many times less."""
    n_tasks = len(next(iter(ratios.values())))
    scores = {method: [[0.01 / ratio] * 4 for ratio in of_tasks] for method, of_tasks in ratios.items()}
    return table(scores | {"MLP": [[0.01] * 4] * n_tasks}, budget)


def test_better_is_not_said_where_the_test_over_tasks_does_not_agree():
    ratios = [8.0, 9.0, 0.8, 0.7, 6.0, 0.6, 0.5]  # the mean says 2 with no spread over seeds; 3 of 7 tasks say so
    p = stats.wilcoxon(np.log(ratios)).pvalue
    assert p > 0.05
    said = say(answers(of_ratios(KAN=ratios), "MLP"))
    assert said.startswith("KAN and MLP cannot be told apart on 7 tasks at 300 parameters: error ratio 1.84 (95 %")
    assert said.endswith(f"; p = {p:.2g} over tasks); KAN wins 3, ties 0, loses 4 (t6, t5, t3, t2).")


def test_better_is_not_said_where_the_interval_over_tasks_holds_one():
    ratios = [1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1.09, 50.0]  # one task makes the mean
    assert stats.wilcoxon(np.log(ratios)).pvalue < 0.05
    (answer,) = answers(of_ratios(KAN=ratios), "MLP")
    assert answer.ratio.low < 1.0
    assert "cannot be told apart" in str(answer)


def test_better_is_said_where_interval_and_test_agree():
    said = say(answers(of_ratios(KAN=[2.0, 3.0, 1.5, 2.5, 1.2, 4.0]), "MLP"))
    assert said.startswith("KAN is better than MLP on 6 tasks")
    assert "; p = 0.031 over tasks); it wins 6, ties 0, loses 0." in said  # 2 / 2^6: all six on one side


def test_the_best_of_many_is_tested_as_one_of_many():
    others = {f"K{i}": [2.0, 3.0, 1.5, 2.5, 1.2 + i / 10, 0.9 - i / 10] for i in range(4)}
    ratios = {"Best": [2.0, 3.0, 1.5, 2.5, 1.2, 4.0]} | others
    (alone,) = answers(of_ratios(Best=ratios["Best"]), "MLP")
    assert alone.is_clear
    assert (alone.test.p, alone.test.comparisons) == (pytest.approx(2 / 2**6), 1)
    (chosen,) = answers(of_ratios(**ratios), "MLP")
    assert (chosen.better, chosen.rival) == ("Best", "Best")
    assert chosen.test.p == pytest.approx(5 * 2 / 2**6)  # the lowest of five, so Holm multiplies it by five
    assert "cannot be told apart" in str(chosen)
    assert "corrected for 5 comparisons" in str(chosen)
    (of_all_pairs,) = answers(of_ratios(**ratios))
    assert of_all_pairs.test.comparisons == 15


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


def test_the_ratio_is_said_by_number_of_inputs_where_the_records_know_it():
    frame = of_ratios(KAN=[4.0, 4.0, 4.0, 2.0, 2.0, 1.0, 0.5, 2.0])
    inputs = dict(zip([f"t{i}" for i in range(8)], (1, 1, 1, 2, 2, 3, 4, 9), strict=True))
    (answer,) = answers(frame.assign(n_inputs=frame.task.map(inputs)), "MLP")
    assert [(name, tasks) for name, tasks, _ in answer.by_inputs] == [("1", 3), ("2", 2), ("3+", 3)]
    assert [ratio.estimate for *_, ratio in answer.by_inputs] == pytest.approx([4.0, 2.0, 1.0])
    said = say([answer])
    assert (
        "Error ratio by number of inputs: 1: 4.00 (3 tasks, 4.00 .. 4.00); 2: 2.00 (2 tasks, 2.00 .. 2.00); 3+: "
        in said
    )
    assert answers(frame.assign(n_inputs=2), "MLP")[0].by_inputs == ()
    assert "inputs" not in say(answers(frame, "MLP"))


def test_the_ratio_is_said_by_smoothness_where_every_task_has_a_mark():
    frame = of_ratios(KAN=[4.0, 4.0, 4.0, 2.0, 2.0, 2.0, 0.5])
    marked = frame.assign(smooth=np.where(frame.task.isin(["t3", "t4", "t5"]), "yes", "no"))
    (answer,) = answers(marked, "MLP")
    assert [(name, tasks) for name, tasks, _ in answer.by_smoothness] == [("not smooth", 4), ("smooth", 3)]
    assert say([answer]).endswith("; smooth: 2.00 (3 tasks, 2.00 .. 2.00).")
    assert answers(marked.assign(smooth=marked.smooth.mask(marked.task == "t0", "")), "MLP")[0].by_smoothness == ()


SHAPES = {  # errors as logarithms, of methods that are equal: (rng, methods, tasks, seeds)
    "tasks differ": lambda rng, size: rng.normal(size=(size[0], size[1], 1)) + 0.3 * rng.normal(size=size),
    "seeds differ": lambda rng, size: 0.5 * rng.gumbel(size=size),
    "heavy tails": lambda rng, size: rng.standard_t(2, size=(size[0], size[1], 1)) + 0.3 * rng.standard_t(2, size=size),
}


def is_clear(errors):
    """Return whether the answer of one experiment says "better"; errors (methods, tasks, seeds)."""
    scores = Scores([f"M{i}" for i in range(len(errors))], [("s", f"t{i}") for i in range(errors.shape[1])], errors)
    found = Compared(pd.DataFrame())
    vars(found).update(by_budget={300: scores}, chosen=pd.DataFrame())
    return answers(found)[-1].is_clear


REPETITIONS = 600


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        *(("tasks differ", size) for size in ((2, 6, 3), (2, 27, 5), (4, 12, 4))),
        *(("heavy tails", size) for size in ((2, 9, 5), (2, 27, 3))),
        *(("seeds differ", size) for size in ((2, 27, 5), (2, 1, 5), (2, 1, 10))),
    ],
)
def test_equal_methods_are_called_better_in_at_most_5_per_cent(shape, size):
    """Only experiments in which a test of a pair alone finds anything can say "better"; the others are not asked."""
    errors = np.exp(SHAPES[shape](np.random.default_rng(0), (size[0] * REPETITIONS, *size[1:])))
    by_experiment = errors.reshape(REPETITIONS, *size)
    possible = np.zeros(REPETITIONS, dtype=bool)
    for first, second in combinations(range(size[0]), 2):
        ours, theirs = by_experiment[:, first], by_experiment[:, second]
        if size[1] == 1:
            p = unpaired_p(ours[:, 0], theirs[:, 0])
        else:
            p = paired_p(np.log(np.median(ours, axis=-1) / np.median(theirs, axis=-1)))
        possible |= p <= 0.05
    assert 0 < possible.sum() < REPETITIONS / 3
    said = sum(is_clear(each) for each in by_experiment[possible])
    assert said <= 0.05 * REPETITIONS + 2 * np.sqrt(0.05 * 0.95 * REPETITIONS)  # two deviations of the count


def test_methods_that_differ_are_called_better():
    rng = np.random.default_rng(0)
    kan, mlp = np.exp(0.5 * rng.normal(size=(2, 27, 1)) + 0.3 * rng.normal(size=(2, 27, 5)))
    (answer,) = answers(table({"KAN": 0.4 * kan, "MLP": mlp}))
    assert (answer.better, answer.is_clear) == ("KAN", True)
