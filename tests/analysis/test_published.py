"""The pages of formulas and robustness: numbers by pandas and SciPy from the committed records."""

import pandas as pd
from scipy import stats

from tests.analysis.by_hand import MLP, ROOT, graded, means, medians, part, words
from tests.analysis.sentences import at_cap
from tests.analysis.wording import e, percent


def says(sentence, page):
    assert sentence in page, sentence


def test_formulas_that_came_back():
    tries = pd.read_csv(ROOT / "results/formulas/formulas.csv")
    found = tries.groupby("equation").algebraic.any()
    n, k = len(found), int(found.sum())
    assert n == 27
    assert set(tries.groupby("equation").size()) == {tries.seed.nunique()}
    low, high = stats.binomtest(k, n).proportion_ci(method="wilson")
    page = words("results/formulas/README.md")
    says(
        f"Found: {k} of 27 equations, {100 * k / n:.0f} % ({100 * low:.0f} .. {100 * high:.0f}), by at least one", page
    )
    says(f"{tries.algebraic.sum()} of {len(tries)} tries", page)
    says(f"Agreeing in numbers: {tries.groupby('equation').numeric.any().sum()} of 27", page)
    assert tries.error[tries.algebraic].max() < 1e-9


def test_formulas_of_equations_held_out():
    tries = pd.read_csv(ROOT / "results/formulas/held_out.csv")
    page, k, n = words("results/formulas/README.md"), int(tries.algebraic.sum()), len(tries)
    low, high = stats.binomtest(k, n).proportion_ci(method="wilson")
    says(f"Found: {k} of {n}, {100 * k / n:.0f} % ({100 * low:.0f} .. {100 * high:.0f})", page)
    assert not set(tries.equation) & set(pd.read_csv(ROOT / "results/formulas/formulas.csv").equation)
    missed = tries[~tries.algebraic].set_index("equation").error
    assert (set(missed[missed < 1e-9].index), set(missed[missed > 1e-9].index)) == ({"I.15.1", "I.34.14"}, {"I.48.2"})


def test_the_best_shapes_of_three_families_on_ten_equations():
    for variant, chosen in graded("robustness").groupby("experiment"):
        assert medians(chosen).shape[1] == 10
        errors = means(chosen)
        row = " | ".join(e(errors[line]) if line in errors else "" for line in (MLP, "KAN Taylor", "KAN BSpline"))
        assert row.replace("|  |", "| |") in words("results/robustness/README.md"), (variant, row)
    base = part("robustness", experiment="base")
    falling = [percent(at_cap(base, line)) for line in (MLP, "KAN Taylor")]
    page = words("results/robustness/README.md")
    says(f"{falling[0]} of the chosen MLPs and {falling[1]} of the chosen Taylor KANs were still falling", page)
