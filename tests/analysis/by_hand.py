"""Published numbers again from the committed records, by pandas, NumPy and SciPy; nothing of kanbench is used.

`python -m tests.analysis.by_hand STUDY` prints the table that the page of a study shows.
"""

import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

ROOT = Path(__file__).parents[2]
MLP = "MLP tanh"
REFERENCES = ("constant", "linear", "cubic ridge", "class prior", "logistic")


def words(path):
    return re.sub(r"\s+", " ", (ROOT / path).read_text(encoding="utf-8"))


@cache
def records(study):
    """Every member; `line` is the method, or what its shape was searched for."""
    (path,) = (ROOT / "results" / study).glob("records.csv*")
    frame = pd.read_csv(path, low_memory=False)
    searched = frame.searched.fillna("") if "searched" in frame else pd.Series("", index=frame.index)
    return frame.copy().assign(line=searched.where(searched != "", frame.method))


@cache
def graded(study):
    """The members that were graded on test: those of chosen shapes, or all of a study without a search."""
    frame = records(study)
    return frame[(frame.status != "skipped") & frame.score.notna() & ~frame.stopped.eq("outranked")]


def part(study, **where):
    frame = graded(study)
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def medians(frame, lines=None):
    """Medians over seeds, (lines, tasks), on the tasks that all lines have."""
    table = frame.pivot_table("score", "line", "task", "median")
    return (table if lines is None else table.loc[list(lines)]).dropna(axis=1)


def means(frame, lines=None):
    return np.exp(np.log(medians(frame, lines)).mean(axis=1))


def holm(p):
    """By the definition: the k-th lowest of n times n - k, never less than one before."""
    p = pd.Series(p)
    ordered = p.sort_values()
    return (ordered * np.arange(len(p), 0, -1)).cummax().clip(upper=1.0)[p.index]


def pair(frame, method, against=MLP, resamples=2_000):
    """Ratio of geometric means, its interval over tasks and seeds, Wilcoxon's p, and wins, ties and losses.

    The interval redraws tasks and, in each drawn task, seeds (as pairs); Student's quantile times the deviation of the
    logarithm, with the factor sqrt(n / (n - 1)).
    """
    table = {
        line: frame[frame.line == line].pivot_table("score", "task", "seed", "first") for line in (method, against)
    }
    tasks = table[method].dropna().index.intersection(table[against].dropna().index)
    ours, theirs = (table[line].loc[tasks].to_numpy() for line in (method, against))
    gap = np.log(np.median(ours, axis=1)) - np.log(np.median(theirs, axis=1))
    n, n_seeds = ours.shape
    rng = np.random.default_rng(0)
    draws = [(rng.integers(n, size=(n, 1)), rng.integers(n_seeds, size=(n, n_seeds))) for _ in range(resamples)]
    rows, seeds = (np.array(each) for each in zip(*draws, strict=True))
    redrawn = (np.log(np.median(errors[rows, seeds], axis=-1)).mean(axis=-1) for errors in (ours, theirs))
    drawn = np.subtract(*redrawn)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1)) * np.std(drawn, ddof=1)
    wins = [0, 0, 0]
    for a, b in zip(ours, theirs, strict=True):
        ratio = np.median(a) / np.median(b)
        apart = stats.mannwhitneyu(a, b).pvalue < 0.05
        wins[0 if apart and ratio < 1 / 1.1 else 2 if apart and ratio > 1.1 else 1] += 1
    mean = gap.mean()
    return {
        "tasks": n,
        "ratio": np.exp(mean),
        "low": np.exp(mean - half),
        "high": np.exp(mean + half),
        "p": stats.wilcoxon(gap).pvalue if n >= 6 else float("nan"),
        "wins": " / ".join(map(str, wins)),
    }


def pairs(frame, against=MLP):
    """`pair` for every other line; `holm` corrects p for all of them."""
    lines = [line for line in frame.line.unique() if line not in (against, *REFERENCES)]
    found = pd.DataFrame({line: pair(frame, line, against) for line in lines}).T
    return found.assign(holm=holm(found.p.astype(float)))


def e(number):
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def two(number):
    """Two significant digits, as the pages write a ratio; three where two would say 1."""
    digits = 3 if float(f"{number:.2g}") == 1.0 else 2
    return f"{float(f'{number:.{digits}g}'):g}"


def interval(found):
    return f"{two(found.ratio)} ({two(found.low)} .. {two(found.high)})"


def p_value(p):
    return "< .001" if p < 0.001 else "" if np.isnan(p) else f"{p:.2g}"


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
    table = graded(study).pivot_table("score", "line", "task", "median")
    rows = [f"| | {' | '.join(table.columns)} |", "|---" * (len(table.columns) + 1) + "|"]
    for line in table.index:
        cells = ["" if np.isnan(x) else f"{x:.3f}" for x in table.loc[line]]
        bold = [
            f"**{cell}**" if x == best else cell
            for cell, x, best in zip(cells, table.loc[line], table.min(), strict=True)
        ]
        rows.append(f"| {line} | {' | '.join(bold)} |")
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
    costs = pd.read_csv(ROOT / "benchmarks/records/costs.csv").set_index(["method", "budget"])
    times = np.exp(np.log(costs[["forward_ms", "step_ms"]]).groupby(level=[0, 1]).mean())
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
        *(grids_sentence(), *cost_sentences(), cap),
    ]


SENTENCES = {"frequency": lambda: [frequency_sentence()], "frontier": frontier_sentences}


if __name__ == "__main__":
    print("\n".join([*rows_of(sys.argv[1]), *SENTENCES.get(sys.argv[1], list)()]))
