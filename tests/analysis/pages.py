"""What the pages of the studies say: their tables, and the sentences with numbers, from the records by hand.

`python -m tests.analysis.pages STUDY` prints the table that the page of a study shows.
"""

import sys
from functools import cache

import numpy as np
import pandas as pd

from tests.analysis.by_hand import (
    MLP,
    REFERENCES,
    ROOT,
    SOLVERS,
    e,
    graded,
    holm,
    interval,
    means,
    p_value,
    pair,
    pairs,
    part,
    two,
)


def table(groups, against=MLP, primary=None):
    """Markdown rows: every line of each group beside the baseline, the best first.

    p is corrected by Holm over all rows of the table but the primary one, given as (group, line).
    """
    found = {name: pairs(frame, against) for name, frame in groups.items()}
    p = pd.Series({(name, line): float(value) for name, each in found.items() for line, value in each.p.items()})
    corrected = holm(p.drop(primary) if primary else p)
    rows = ["| | method | error | over the baseline (95 %) | p | wins / ties / losses |", "|---|---|---|---|---|---|"]
    for name, frame in groups.items():
        errors = means(frame, [line for line in frame.line.unique() if line not in REFERENCES])
        for line, error in errors.sort_values().items():
            if line == against:
                cells = ["", "", ""]
            else:
                row, is_primary = found[name].loc[line], (name, line) == primary
                shown = p_value(p[primary]) + ", declared" if is_primary else p_value(corrected[name, line])
                cells = [interval(row), shown, row.wins]
            rows.append(" | ".join([f"| {name}", line, e(error), *cells]) + " |")
    return rows


def by(study, column, names=None, **where):
    """The graded members of a study, in one group for each value of a column."""
    frame = part(study, **where)
    return {(names or str)(value): at for value, at in frame.groupby(column)}


def parameters(budget):
    return f"{budget:.0f} parameters"


TABLES = {
    "frontier": lambda: table(by("frontier", "budget", parameters), primary=("300 parameters", "KAN Taylor")),
    "optimizers": lambda: table(by("optimizers", "optimizer", OPTIMIZERS.get)),
    "samples": lambda: table(
        by("samples", "train_size", lambda rows: f"{rows:,.0f} rows", noise=0.0)
        | {
            f"{100 * noise:.0f} % noise": part("samples", train_size=1000, noise=noise)
            for noise in sorted(graded("samples").noise.unique())
            if noise > 0
        }
    ),
    "aggregation": lambda: controls("BSpline") + controls("Taylor")[2:],
    "irregular": lambda: table({"rough": twins(False), "smooth": twins(True)}),
    "start": lambda: starts("KAN BSpline") + starts("KAN Taylor")[2:] + starts(MLP)[2:],
    "tables": lambda: errors_by_task("tables"),
    "frequency": lambda: table(by("frequency", "n_inputs", lambda n: f"{n:.0f} input{'s' * (n > 1)}")),
    "grids": lambda: grids(),
    "cost": lambda: costs(),
    "pde": lambda: (
        [*table({"300 parameters": graded("pde")}, primary=("300 parameters", "KAN Chebyshev")), "", *solutions()]
    ),
    "pde_optimizers": lambda: adam(),
    "pde_fronts": lambda: seeds("pde_fronts"),
    "pde_poisson": lambda: seeds("pde_poisson"),
}


@cache
def rows_of(study):
    """Return the rows of the table on the page of a study."""
    return TABLES[study]()


OPTIMIZERS = {"LevenbergMarquardt": "LM", "LBFGS": "L-BFGS", "Adam": "Adam"}


def controls(basis):
    """Markdown rows: pairs of aggregations of one basis, and how far members are from their twins of the same seed."""
    frame = graded("aggregation")
    usual = f"KAN {basis}"
    rows = ["| | first over second (95 %) | p | wins / ties / losses | member over twin |", "|---|---|---|---|---|"]
    for first, second in (
        (f"{usual} mean", f"{usual} initialisation=fan_in"),
        (f"{usual} mean", usual),
        (f"{usual} sum_over_sqrt", usual),
    ):
        found = pd.Series(pair(frame, first, second))
        members = (frame[frame.line == line].set_index(["task", "seed"]).score.sort_index() for line in (first, second))
        apart = np.exp(np.abs(np.log(next(members) / next(members))).median())
        rows.append(f"| {first}, {second} | {interval(found)} | {p_value(found.p)} | {found.wins} | {apart:.3g} |")
    return rows


def starts(usual):
    """Markdown rows: the starts of one family beside the usual one."""
    frame = graded("start")
    return table({usual: frame[frame.line.str.startswith(usual)]}, against=usual)


def errors_by_task(study):
    """Markdown rows: medians over seeds of every line on every task, the lowest bold."""
    errors = graded(study).pivot_table("score", "line", "task", "median")
    return grid(errors, errors.eq(errors.min()), "{:.3f}".format)


def grid(errors, is_lowest, write):
    """Markdown rows of a table of errors: a row for each of its rows, empty where there is none, the lowest bold."""
    rows = [f"| | {' | '.join(errors.columns)} |", "|---" * (len(errors.columns) + 1) + "|"]
    for name, at in errors.iterrows():
        cells = ["" if np.isnan(x) else write(x) for x in at]
        bold = [f"**{cell}**" if low else cell for cell, low in zip(cells, is_lowest.loc[name], strict=True)]
        rows.append(f"| {name} | {' | '.join(bold)} |")
    return rows


@cache
def solved():
    """Medians over seeds of the error of u, (equations, methods and solvers of 300 unknowns)."""
    frame = graded("pde")
    return frame[frame.unknowns.isna() | (frame.unknowns == 300)].pivot_table("score", "task", "line", "median")


def solutions():
    """Markdown rows: the error of u on every equation, of every method and solver, the lowest bold."""
    return grid(solved(), solved().eq(solved().min(axis=1), axis=0), e)


@cache
def pde_sentences():
    found, errors = pairs(graded("pde")), solved()
    primary, paper, helmholtz = found.loc["KAN Chebyshev"], errors.loc["poisson_kan_paper"], errors.loc["helmholtz"]
    burgers, layer = errors.loc["burgers"], errors.loc["boundary_layer"].drop(list(SOLVERS)).sort_values()
    lowest = errors.idxmin(axis=1) == "spectral collocation"
    assert layer.index[0] == "KAN Chebyshev"
    assert (layer[1:] > 0.99).all()
    return [
        f"error ratio {interval(primary)}, p = {p_value(primary.p)} over {primary.tasks} equations",
        f"{two(found.ratio['KAN BSpline'])} times the error of the MLP, quintic ones "
        f"{two(found.ratio['KAN BSpline degree=5'])} times",
        f"the lowest error on {lowest.sum()} of the eleven equations",
        f"the MLP has {e(paper[MLP])}, the cubic B-spline KAN {e(paper['KAN BSpline'])}",
        f"the MLP has {e(helmholtz[MLP])} here, the Chebyshev KAN {e(helmholtz['KAN Chebyshev'])}, the Fourier KAN "
        f"{e(helmholtz['KAN Fourier'])}",
        f"the best network has {e(burgers.drop(list(SOLVERS)).min())}, finite differences with as many unknowns "
        f"{e(burgers['finite differences'])}",
        f"The Chebyshev KAN has {e(layer.iloc[0])}",
    ]


def adam():
    """Markdown rows: the median over seeds of the error of u by optimizer, at the rate with the best validation."""
    runs = ["optimizer", "line", "task"]
    frame = graded("pde_optimizers").fillna({"lr": 0.0})
    of_rate = frame.groupby([*runs, "lr"])[["val_rmse", "score"]].median()
    best = of_rate.loc[of_rate.groupby(level=runs).val_rmse.idxmin()].reset_index()
    errors = best.pivot_table("score", ["optimizer", "line"], "task")
    rows = [f"| | | {' | '.join(errors.columns)} |", "|---" * (len(errors.columns) + 2) + "|"]
    for (optimizer, line), of_line in errors.iterrows():
        rows.append(f"| {OPTIMIZERS[optimizer]} | {line} | {' | '.join(map(e, of_line))} |")
    return rows


def seeds(study):
    """Markdown rows: the median over seeds of the error of u, and the errors of the best and of the worst seed."""
    rows = ["| | | error | best seed | worst seed |", "|---|---|---|---|---|"]
    for (task, line), errors in graded(study).groupby(["task", "line"]).score:
        rows.append(f"| {task} | {line} | {e(errors.median())} | {e(errors.min())} | {e(errors.max())} |")
    return rows


def grids():
    """Markdown rows: errors of each shape on each toy by size, with the exponents of N between neighboring sizes."""
    frame = graded("grids")
    is_mlp = frame.family == "MLP"
    extended = np.where(frame.method.str.contains("stages"), "extended", "direct")
    frame = frame.assign(way=np.where(is_mlp, "MLP", extended), size=np.where(is_mlp, frame.budget, frame.params))
    rows = ["| | | parameters | test | training | exponent of test | of training |", "|---|---|---|---|---|---|---|"]
    for (task, way), at in frame.groupby(["task", "way"]):
        errors = at.groupby("size")[["test_rel_l2", "train_rel_l2"]].median()
        slopes = -np.log(errors).diff().div(np.log(errors.index.to_series()).diff(), axis=0)
        for size, (test, train) in errors.iterrows():
            exponents = ["" if np.isnan(x) else f"{x:.1f}" for x in slopes.loc[size]]
            rows.append(" | ".join([f"| {task} | {way}", f"{size:.0f}", e(test), e(train), *exponents]) + " |")
    return rows


def times_of_methods():
    costs = pd.read_csv(ROOT / "benchmarks/records/costs.csv")
    return costs.set_index(["method", "budget"])[["forward_ms", "step_ms"]]


def costs():
    """Markdown rows: the size at which each method has the error of the MLP of 100 parameters, and its times there."""
    small, large = (means(part("frontier", budget=budget)) for budget in (100, 300))
    target = small[MLP]
    logs = np.log(times_of_methods()).groupby(level=[0, 1]).mean()

    def at(line, size):
        sizes = np.log(logs.loc[line].index.to_numpy(dtype=float))
        return np.exp([np.interp(np.log(size), sizes, logs.loc[line, name]) for name in logs.columns])

    rows = ["| | error at 100 parameters | at 300 | parameters | predict | step |", "|---|---|---|---|---|---|"]
    for line in small.sort_values().index.intersection(logs.index.get_level_values(0)):
        share = np.log(small[line] / target) / np.log(small[line] / large[line])
        bound = "at most " if share < 0 else "over " if share > 1 else ""
        size = 100 * 3 ** np.clip(share, 0, 1)
        ratios = [f"{bound}{two(ratio)}" for ratio in at(line, size) / at(MLP, 100)]
        rows.append(f"| {line} | {e(small[line])} | {e(large[line])} | {bound}{size:.0f} | {' | '.join(ratios)} |")
    return rows


def twins(smooth):
    frame = graded("irregular")
    return frame[frame.task.str.endswith("_smooth") == smooth]


def at_cap(frame, line):
    return f"{100 * frame.stopped[frame.line == line].eq('cap').mean():.0f} %"


@cache
def frontier_sentences():
    frame = part("frontier", budget=300)
    found = pairs(frame)
    primary = found.loc["KAN Taylor"]
    worse = found[(found.low > 1) & found.index.str.startswith("KAN")]
    return [
        f"error ratio {interval(primary)}, p = {p_value(primary.p)} over {primary.tasks} equations",
        f"{primary.tasks} of the 89 equations of the suite were trained",
        f"{at_cap(frame, MLP)} of the chosen MLPs and {at_cap(frame, 'KAN Taylor')} of the Taylor KANs at 300 "
        "parameters were still falling",
        f"{two(worse.ratio.min())} to {two(worse.ratio.max())} times the error of the MLP at 300 parameters",
    ]


def irregular_sentences():
    rough, smooth = (pairs(twins(is_smooth)) for is_smooth in (False, True))
    kans = rough[rough.index.str.startswith("KAN")]
    low, high = two(kans.ratio.min()), two(kans.ratio.max())
    return [
        f"{low} to {high} times the error of the MLP",
        f"{two(smooth.ratio['KAN BSpline'])} times its error on the smooth twins",
    ]


@cache
def frequency_sentence():
    found = pd.Series(pair(part("frequency", n_inputs=1), "KAN Fourier"))
    return f"{interval(found)} times the error of the tanh MLP"


def aggregation_sentence():
    found = [
        pair(graded("aggregation"), f"KAN {basis} {aggregation}", f"KAN {basis}")
        for basis in ("BSpline", "Taylor")
        for aggregation in ("mean", "sum_over_sqrt")
    ]
    ratios, p = ([each[key] for each in found] for key in ("ratio", "p"))
    return f"ratios of {min(ratios):.2f} to {max(ratios):.2f}, p >= {min(p):.2g}"


def optimizer_sentence():
    errors = {name: means(frame)[MLP] for name, frame in by("optimizers", "optimizer", OPTIMIZERS.get).items()}
    return f"{e(errors['LM'])} under Levenberg-Marquardt and {e(errors['L-BFGS'])} under L-BFGS"


def samples_sentence():
    found = pairs(part("samples", train_size=1000, noise=0.0))
    taylor, spline = (interval(found.loc[f"KAN {basis}"]) for basis in ("Taylor", "BSpline"))
    return f"{taylor} for Taylor and {spline} for B-splines at 1,000 rows"


def grids_sentence():
    frame = part("grids", task="exp_sine")
    extended = frame[frame.method.str.contains("intervals=100") & frame.method.str.contains("stages")]
    mlp = frame[(frame.line == MLP) & (frame.budget == 300)]
    kan_error, mlp_error = (e(each.test_rel_l2.median()) for each in (extended, mlp))
    return f"{kan_error} at 311 parameters, where the MLP of 300 has {mlp_error}"


def cost_sentences():
    times = np.exp(np.log(times_of_methods()).groupby(level=[0, 1]).mean())
    forward, step = times.loc["KAN BSpline", 200] / times.loc[MLP, 100]
    kan, mlp = means(part("feynman", budget=200))["KAN BSpline"], means(part("feynman", budget=100))[MLP]
    return [
        f"{e(kan)} with 200 parameters and the MLP {e(mlp)} with 100",
        f"{two(forward)} times as long to predict and {two(step)} times as long for a step",
    ]


def page_sentences():
    """Return what results/README.md says in numbers."""
    first, _, cap, worse = frontier_sentences()
    return [
        frequency_sentence(),
        *(first, worse, *irregular_sentences(), aggregation_sentence(), optimizer_sentence(), samples_sentence()),
        *(grids_sentence(), *cost_sentences(), *pde_sentences()[:2], cap),
    ]


SENTENCES = {
    "frequency": lambda: [frequency_sentence()],
    "frontier": frontier_sentences,
    "pde": pde_sentences,
}


if __name__ == "__main__":
    print("\n".join([*rows_of(sys.argv[1]), *SENTENCES.get(sys.argv[1], list)()]))
