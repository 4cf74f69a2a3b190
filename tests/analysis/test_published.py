"""The pages of formulas, robustness and outside: numbers by pandas and SciPy from the committed records."""

from functools import cache

import numpy as np
import pandas as pd
from scipy import stats

from tests.analysis.by_hand import MLP, ROOT, graded, holm, means, medians, part, records, words
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


OURS = {  # of the study of other people's KANs: the start of their label, and ours beside it
    "KAN 00959e": "KAN BSpline base_branch=silu",
    "KAN symbolic_enabled=false": "KAN BSpline base_branch=silu",
    "ChebyKANLayer": "KAN Chebyshev",
    "NaiveFourierKANLayer": "KAN Fourier",
    "FastKAN": "KAN RBF",
}


@cache
def pairs_of_published(budget):
    """Means of all methods; of each pair the median of theirs / ours, p by Holm over all pairs, and wins of theirs."""
    logs = np.log(medians(part("outside", budget=budget)))
    names = list(logs.index)
    p = {(a, b): stats.wilcoxon(logs.loc[a] - logs.loc[b]).pvalue for i, a in enumerate(names) for b in names[:i]}
    corrected = holm(p)
    assert len(corrected) == 55
    found = {}
    for start, ours in OURS.items():
        (theirs,) = (name for name in names if name.startswith(start))
        both = (theirs, ours) if (theirs, ours) in corrected.index else (ours, theirs)
        difference = logs.loc[theirs] - logs.loc[ours]
        found[start] = (np.exp(difference.median()), corrected[both], (difference < -np.log(1.1)).sum())
    return np.exp(logs.mean(axis=1)), found


def test_other_peoples_kans_beside_ours():
    page = words("results/outside/README.md")
    for budget in (100, 200):
        errors, pairs = pairs_of_published(budget)
        for error in errors.drop("KAN BSpline"):
            assert f"{error:.2e}".replace("e-0", "e-") in page
        assert errors.idxmin() == MLP
        assert pairs["KAN 00959e"][1] > 0.05
        assert pairs["KAN symbolic_enabled=false"][1] > 0.05
    assert [round(pairs_of_published(b)[1]["ChebyKANLayer"][0], 1) for b in (100, 200)] == [4.3, 2.7]
    assert [round(pairs_of_published(b)[1]["ChebyKANLayer"][1], 2) for b in (100, 200)] == [0.02, 0.13]
    assert round(pairs_of_published(100)[1]["NaiveFourierKANLayer"][0], 2) == 0.55
    assert round(pairs_of_published(100)[1]["NaiveFourierKANLayer"][1], 3) == 0.005
    assert pairs_of_published(200)[1]["NaiveFourierKANLayer"][1] == 1.0
    assert [pairs_of_published(200)[1][name][2] for name in ("KAN 00959e", "KAN symbolic_enabled=false")] == [13, 15]
    assert len(records("outside").query("status == 'ok'")) == 2965
