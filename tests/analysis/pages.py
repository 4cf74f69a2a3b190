"""The tables on the pages of the studies, from the records by hand."""

from functools import cache

import numpy as np
import pandas as pd

from tests.analysis.by_hand import MLP, REFERENCES, ROOT, graded, holm, means, medians, pair, pairs, part
from tests.analysis.theirs import theirs_and_ours
from tests.analysis.wording import e, interval, p_value, percent, two


def compared(groups, against=MLP, primary=None):
    """`pairs` of each group; `holm` corrects p for all rows but the primary one, given as (group, line)."""
    found = pd.concat({name: pairs(frame, against) for name, frame in groups.items()})
    p = found.p.astype(float)
    corrected = holm(p.drop(primary) if primary else p)
    return found.assign(holm=corrected.reindex(p.index).fillna(p))


def table(groups, found, against=MLP, primary=None):
    """Markdown rows: every line of each group, and what was found of it beside the baseline, the best first."""
    rows = ["| | method | error | over the baseline (95 %) | p | wins / ties / losses |", "|---|---|---|---|---|---|"]
    for name, frame in groups.items():
        errors = means(frame, [line for line in frame.line.unique() if line not in REFERENCES])
        for line, error in errors.sort_values().items():
            cells = ["", "", ""]
            if line != against:
                row = found.loc[(name, line)]
                cells = [interval(row), p_value(row.holm) + ", declared" * ((name, line) == primary), row.wins]
            rows.append(" | ".join([f"| {name}", line, e(error), *cells]) + " |")
    return rows


def by(study, column, names=None, **where):
    """The graded members of a study, in one group for each value of a column."""
    frame = part(study, **where)
    return {(names or str)(value): at for value, at in frame.groupby(column)}


def parameters(budget):
    return f"{budget:.0f} parameters"


GROUPS = {  # of the studies that test methods against the tanh MLP
    "frontier": lambda: by("frontier", "budget", parameters),
    "optimizers": lambda: by("optimizers", "optimizer", OPTIMIZERS.get),
    "samples": lambda: (
        by("samples", "train_size", lambda rows: f"{rows:,.0f} rows", noise=0.0)
        | {
            f"{100 * noise:.0f} % noise": part("samples", train_size=1000, noise=noise)
            for noise in sorted(graded("samples").noise.unique())
            if noise > 0
        }
    ),
    "irregular": lambda: {"rough": twins(False), "smooth": twins(True)},
    "frequency": lambda: by("frequency", "n_inputs", lambda n: f"{n:.0f} input{'s' * (n > 1)}"),
    "sizes": lambda: {"300 parameters": graded("sizes")},
    "pde": lambda: {"300 parameters": graded("pde")},
}
PRIMARY = {"frontier": ("300 parameters", "KAN Taylor"), "pde": ("300 parameters", "KAN Chebyshev")}


@cache
def comparisons(study):
    """Return `compared` of the groups of a study against the tanh MLP."""
    return compared(GROUPS[study](), primary=PRIMARY.get(study))


def against_mlp(study):
    return table(GROUPS[study](), comparisons(study), primary=PRIMARY.get(study))


TABLES = {
    **{study: lambda study=study: against_mlp(study) for study in GROUPS},
    "aggregation": lambda: controls("BSpline") + controls("Taylor")[2:],
    "start": lambda: starts("KAN BSpline") + starts("KAN Taylor")[2:] + starts(MLP)[2:],
    "tables": lambda: errors_by_task("tables"),
    "grids": lambda: grids(),
    "cost": lambda: costs(),
    "convergence": lambda: caps(),
    "outside": theirs_and_ours,
    "pde": lambda: [*against_mlp("pde"), "", *solutions()],
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
        found = aggregations(first, second)
        members = (frame[frame.line == line].set_index(["task", "seed"]).score.sort_index() for line in (first, second))
        apart = np.exp(np.abs(np.log(next(members) / next(members))).median())
        rows.append(f"| {first}, {second} | {interval(found)} | {p_value(found.p)} | {found.wins} | {apart:.3g} |")
    return rows


@cache
def aggregations(first, second):
    return pd.Series(pair(graded("aggregation"), first, second))


def starts(usual):
    """Markdown rows: the starts of one family beside the usual one."""
    return table({usual: starts_of(usual)}, comparisons_of_starts(usual), against=usual)


@cache
def comparisons_of_starts(usual):
    return compared({usual: starts_of(usual)}, against=usual)


def starts_of(usual):
    frame = graded("start")
    return frame[frame.line.str.startswith(usual)]


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


def by_optimizer(study):
    """Medians over seeds of the errors of a study, (optimizers and methods, tasks)."""
    return graded(study).pivot_table("score", ["optimizer", "line"], "task", "median")


def adam():
    """Markdown rows: the median over seeds of the error of u by optimizer, at the rate with the best validation."""
    errors = by_optimizer("pde_optimizers")
    rows = [f"| | | {' | '.join(errors.columns)} |", "|---" * (len(errors.columns) + 2) + "|"]
    for (optimizer, line), of_line in errors.iterrows():
        rows.append(f"| {OPTIMIZERS[optimizer]} | {line} | {' | '.join(map(e, of_line))} |")
    return rows


def seeds(study):
    """Markdown rows: the median over seeds of the error of u, and the errors of the best and of the worst seed."""
    rows = ["| | parameters | | error | best seed | worst seed |", "|---|---|---|---|---|---|"]
    for (task, size, line), errors in graded(study).groupby(["task", "budget", "line"]).score:
        rows.append(f"| {task} | {size:.0f} | {line} | {e(errors.median())} | {e(errors.min())} | {e(errors.max())} |")
    return rows


@cache
def members_of_grids():
    """The members of the study of grids, by the way in which they came to their size."""
    frame = graded("grids")
    is_mlp = frame.family == "MLP"
    extended = np.where(frame.method.str.contains("stages"), "extended", "direct")
    return frame.assign(way=np.where(is_mlp, "MLP", extended), size=np.where(is_mlp, frame.budget, frame.params))


def exponents(members):
    """Median test and training errors by size, and the exponents of N between neighboring sizes."""
    errors = members.groupby("size")[["test_rel_l2", "train_rel_l2"]].median().set_axis(["test", "train"], axis=1)
    slopes = -np.log(errors).diff().div(np.log(errors.index.to_series()).diff(), axis=0)
    return errors.join(slopes.add_suffix("_exponent"))


def grids():
    """Markdown rows: errors of each shape on each toy by size, with the exponents of N between neighboring sizes."""
    rows = ["| | | parameters | test | training | exponent of test | of training |", "|---|---|---|---|---|---|---|"]
    for (task, way), members in members_of_grids().groupby(["task", "way"]):
        for size, (test, train, *slopes) in exponents(members).iterrows():
            shown = ["" if np.isnan(x) else f"{x:.1f}" for x in slopes]
            rows.append(" | ".join([f"| {task} | {way}", f"{size:.0f}", e(test), e(train), *shown]) + " |")
    return rows


@cache
def at_both_caps():
    """The declared comparison of frontier on the tasks that were trained longer: members by cap on their steps."""
    longer = graded("convergence")
    usual = part("frontier", budget=longer.budget.max())
    usual = usual[usual.task.isin(longer.task) & usual.line.isin(longer.line)]
    return {1_000: usual, 5_000: longer}


def caps():
    """Markdown rows: the declared comparison by cap, and how many members came to it."""
    rows = ["| cap | method | error | over the baseline (95 %) | wins / ties / losses | at the cap | longest |"]
    rows += ["|---" * 7 + "|"]
    for cap, frame in at_both_caps().items():
        (line, found), *_ = pairs(frame).iterrows()
        for name, error in means(frame).sort_values().items():
            cells = [interval(found), found.wins] if name == line else ["", ""]
            members = frame[frame.line == name]
            stopped = [percent(members.stopped.eq("cap").mean()), f"{members.steps.max():,.0f}"]
            rows.append(" | ".join([f"| {cap:,} steps", name, e(error), *cells, *stopped]) + " |")
    return rows


def times_of_methods():
    costs = pd.read_csv(ROOT / "benchmarks/records/costs.csv")
    return costs.set_index(["method", "budget"])[["forward_ms", "step_ms"]]


def costs():
    """Markdown rows: the size at which each method has the error of the MLP of 100 parameters, and its times there."""
    shared = medians(part("frontier", budget=100)).columns
    frame = part("frontier")
    frame = frame[frame.task.isin(shared)]
    small, large = (means(frame[frame.budget == budget]) for budget in (100, 300))
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
