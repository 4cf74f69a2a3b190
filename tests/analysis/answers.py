"""The sentences with numbers in README.md and results/README.md beyond those of the studies, by name."""

import json
import re
import tomllib
from functools import cache

import pandas as pd
import yaml

from tests.analysis.by_hand import MLP, ROOT, graded, holm, means, pair, pairs, part, records
from tests.analysis.pages import GROUPS, comparisons, starts_of, twins
from tests.analysis.sentences import (
    LEVEL,
    at_cap,
    frontier,
    kans,
    over_all_inputs,
    room,
    screens,
    shapes_of,
    size_of_suite,
    steps,
    verdicts,
)
from tests.analysis.wording import below, e, functions, listed, p_value, percent, say, two


def evidence(study, what):
    """The link to a study, with what its records hold."""
    return f"[{study}]({study}): {what}"


def tasks_of(study, **where):
    return part(study, **where).task.nunique()


@cache
def declared(study):
    """The primary comparison of a study, as its study.yaml declares it."""
    return yaml.safe_load((ROOT / "results" / study / "study.yaml").read_text(encoding="utf-8"))["primary"]


@cache
def answers():
    found = comparisons("frontier").loc["300 parameters"]
    primary, (tied, worse) = declared("frontier"), verdicts(found)
    trained, total = tasks_of("frontier"), size_of_suite("feynman_test")
    methods = len(found) + 1
    budget = primary["budget"]
    return {
        "declared": f"Taylor KAN against MLP at {budget} parameters, finds no difference: {frontier()['primary']}",
        "splines": f"KANs of B-splines, the original ones, have {say(found.ratio['KAN BSpline'])} times the error of "
        "the MLP",
        "tied": f"{functions(tied.index)} cannot be told apart from the MLP",
        "worse": f"{functions(worse.index)} have {frontier()['worse']}",
        "kans_worse": f"KANs of {functions(worse.index)} have {frontier()['worse']}",
        "methods": evidence("frontier", f"{methods} methods, each at the best of {shapes_of('frontier'):.0f} shapes"),
        "nine": f"{say(methods).capitalize()} methods, each at its best of {say(shapes_of('frontier'))} shapes",
        "figure": f"Errors of {say(methods)} methods",
        "sure": f"sure of the worse ones ({below(worse.holm.max())} at {budget} parameters, Holm); "
        f"the declared tie {frontier()['room']}",
        "unseen": f"Differences under a factor of {say(room(found.loc[primary['method']]))} between the MLP and the "
        f"Taylor KAN: {say(trained)} equations do not resolve them",
        "order": f"The order of the other {total - trained} equations is written down",
        "last": f"The best of {say(shapes_of('frontier'))} shapes is often the last of its list",
        "larger": f"beyond {budget} parameters",
        "inputs": f"more than {say(most_inputs())} inputs",
        "caps": f"the last of their {steps('frontier')} steps",
    }


def most_inputs():
    studies = ("frontier", "feynman", "irregular", "frequency", "samples", "aggregation", "start", "pde")
    return max(graded(study).n_inputs.max() for study in studies)


@cache
def robustness():
    frame = graded("robustness")
    of = {name: pairs(at) for name, at in frame.groupby("experiment")}
    assert all(found.p["KAN Taylor"] > LEVEL for found in of.values())
    worse = [found.loc["KAN BSpline"] for found in of.values() if "KAN BSpline" in found.index]
    assert all(found.p < LEVEL and found.ratio > 1 for found in worse)
    assert "KAN BSpline" not in of["rows"].index
    damping = frame.groupby("experiment").settings.first().str.extract(r"damping=([\d.]+)")[0].astype(float)
    base = means(part("robustness", experiment="base"))
    more, rows = damping["damping"] / damping["base"], frame.train_size.max()
    shapes, budget = records("robustness").trials.max(), frame.budget.max()
    at_base = percent(at_cap(part("robustness", experiment="base"), MLP))
    return {
        "turns": f"not with {more:.0f} times the damping or other seeds; with {rows:,.0f} rows Taylor and MLP "
        "are still a tie, and B-splines were not tried",
        "shapes": evidence("robustness", f"{tasks_of('robustness')} equations, best of {shapes:.0f} shapes"),
        "cap": f"{at_base} of the MLPs still fall at the cap",
        "same": f"with {more:.0f} times the damping and with other seeds",
        "errors": f"at their best of {say(shapes)} shapes on {say(tasks_of('robustness'))} of the equations at "
        f"{budget} parameters Taylor KANs and MLPs cannot be told apart, {e(base['KAN Taylor'])} and {e(base[MLP])}, "
        f"and B-spline KANs are worse, {e(base['KAN BSpline'])}",
        "rows": f"With {rows:,.0f} rows the tie holds",
    }


@cache
def first_command():
    """What `experiment=feynman` finds; `rows_of_the_first_command` are its table."""
    frame, tasks = records("feynman"), tasks_of("feynman")
    found = pd.DataFrame({size: pair(at, "KAN BSpline") for size, at in frame.groupby("budget")}).T
    assert (found.ratio > 1).all()
    largest = found.iloc[-1]
    corrected = holm(found.p.astype(float))
    misses = frame[(frame.budget_miss.abs() > 0.05) & (frame.line == "KAN BSpline")].groupby("budget").task.nunique()
    often = misses[misses == misses.max()]
    return {
        "sizes": f"at {listed([str(size) for size in found.index])} parameters",
        "tasks": evidence("feynman", f"{tasks} equations"),
        "sure": f"sure ({below(corrected.max())}), for the default shapes",
        "suite": f"the {tasks} dimensionless Feynman equations",
        "cost": f"{len(frame)} models in {frame.seconds.sum() / 60 / machine()['cores']:.0f} minutes on "
        f"{say(machine()['cores'])} shared cores",
        "interval": f"95 % interval over tasks and seeds {two(largest.low)} to {two(largest.high)}; "
        f"{below(corrected.max()).replace('.', '0.')} over tasks, corrected for {len(found)} comparisons",
        "ratio": f"with {two(largest.ratio)} times less error at {found.index[-1]} parameters",
        "cap": f"{percent(at_cap(frame, MLP))} of the MLPs and {percent(at_cap(frame, 'KAN BSpline'))} of the "
        "KANs were still falling",
        "missed": f"at {listed(often.index.map(str))} parameters {misses.max()} KANs miss the budget by over 5 %",
    }


@cache
def rows_of_the_first_command():
    """The table of README: errors and intervals that the command printed, which are drawn at random, and wins."""
    printed = pd.read_csv(ROOT / "results/feynman/summary.csv").set_index(["budget", "method"])
    lines = []
    for size, at in records("feynman").groupby("budget"):
        mlp, spline = (printed.loc[(size, line)] for line in (MLP, "KAN BSpline"))
        (a, b) = (f"({e(each.error_low)} .. {e(each.error_high)})" for each in (mlp, spline))
        errors = means(at)
        wins = pair(at, "KAN BSpline")["wins"]
        lines.append(f"| {size} | **{e(errors[MLP])}** {a} | {e(errors['KAN BSpline'])} {b} | {wins} |")
    return lines


def machine():
    """The machine that made the records of costs."""
    return json.loads((ROOT / "benchmarks/records/costs.json").read_text(encoding="utf-8"))["machine"]


@cache
def rows():
    """What the rows of the table in results/README.md say beside the sentences of the studies."""
    pairs_of_tasks, optimizer_runs, waves = (
        twins(False).task.nunique(),
        tasks_of("optimizers"),
        comparisons("frequency"),
    )
    fourier = waves.loc[("1 input", "KAN Fourier")]
    several = [say(int(name.split()[0])) for name in GROUPS["frequency"]() if name != "1 input"]
    noise = [f"{100 * share:.0f}" for share in sorted(part("samples").noise.unique()) if share > 0]
    families = len(kans(comparisons("pde").loc["300 parameters"]))
    spline_p = comparisons("pde").loc["300 parameters"].query("holm < @LEVEL").holm.max()
    return {
        "twins": evidence("irregular", f"{pairs_of_tasks} functions, each with a smooth twin"),
        "rough_p": f"no p under {LEVEL} at {graded('irregular').budget.max():.0f} parameters",
        "several": f"with {listed(several)} inputs no difference is found",
        "waves": evidence("frequency", f"{tasks_of('frequency')} tasks"),
        "wave_p": f"p = {p_value(fourier.holm)} along one input (Holm, {fourier.tasks} tasks), "
        f"{p_value(over_all_inputs().holm['KAN Fourier'])} over all {tasks_of('frequency')}",
        "toys": evidence("grids", f"{say(tasks_of('grids'))} toys of the KAN paper"),
        "toys_described": f"described, not tested: {say(tasks_of('grids'))} tasks",
        "noise": f"with {listed(noise)} % noise",
        "samples": evidence("samples", f"{tasks_of('samples')} equations"),
        "aggregation": evidence("aggregation", f"{tasks_of('aggregation')} equations"),
        "optimizers": evidence("optimizers", f"{optimizer_runs} equations"),
        "starts": f"of {say(starts_of('KAN Taylor').line.nunique() - 1)} starts of a basis",
        "start": evidence("start", f"{tasks_of('start')} equations, {graded('start').seed.nunique()} seeds"),
        "sizes": evidence("sizes", f"{tasks_of('sizes')} equations, {graded('sizes').seed.nunique()} seeds"),
        "pde": evidence(
            "pde", f"{tasks_of('pde')} equations, {families} kinds of KANs, best of {shapes_of('pde'):.0f} shapes"
        ),
        "pde_sure": f"sure for B-splines ({below(spline_p)})",
        "eleven": f"On {say(tasks_of('pde'))} differential equations no difference to the MLP is found",
        "tables_described": f"described, not tested: {say(tasks_of('tables'))} tables",
        "development": f"small: {say(tasks_of('development'))} tasks",
        "cost_where": f"one machine, one thread, {rows_of_split():,} rows",
        "defaults": f"KAN depth {default('kan')}, MLP depth {default('mlp')}",
    }


def rows_of_split():
    """The training rows of a suite where nothing else is said."""
    return yaml.safe_load((ROOT / "conf/data/feynman.yaml").read_text(encoding="utf-8"))["train"]


def default(model):
    """The depth of a model where nothing else is said."""
    return yaml.safe_load((ROOT / f"conf/model/{model}.yaml").read_text(encoding="utf-8"))["depth"]


@cache
def formulas():
    """How many equations came back, by at least one seed."""
    tries = pd.read_csv(ROOT / "results/formulas/formulas.csv")
    found = tries.groupby("equation").algebraic.any()
    return {
        "found": f"{found.sum()} of {len(found)} equations, exactly",
        "seeds": evidence("formulas", f"{say(tries.seed.nunique())} seeds"),
    }


@cache
def protocol():
    """How members were trained, as their records say."""
    frame = records("frontier")
    screened = frame[frame.stopped == "outranked"]
    per_search = ["searched", "task", "budget"]
    (kept,) = frame[frame.trials.gt(0) & ~frame.stopped.eq("outranked")].groupby(per_search).trial.nunique().mode()
    assert shapes_of("frontier") == 3 * kept
    best_kept = screens().loc[(screened.seed.nunique(), screened.steps.max())].best_kept
    assert frame.precision.dropna().eq("double").all()
    return {
        "cap": f"({steps('frontier')} steps of Levenberg-Marquardt unless a study says otherwise)",
        "screened": f"{say(screened.seed.nunique())} seeds and {screened.steps.max():.0f} steps, the best third by "
        "validation",
        "best_kept": f"keeps the best shape in {percent(best_kept)} of searches",
        "machine": f"on {say(machine()['cores'])} shared cores with torch "
        f"{machine()['versions']['torch'].split('+')[0]} in double precision",
        "seeds": f"the median over {say(part('frontier').seed.nunique())} seeds",
        "python": pythons(),
    }


def pythons():
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    least, beyond = (int(minor) for minor in re.findall(r"3\.(\d+)", requires))
    return f"Python 3.{least} to 3.{beyond - 1}"
