"""From a tidy frame of one protocol to tidy tables of answers; `kanbench.report.typeset` makes them readable."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kanbench.analysis.kinds import MLP, families, references_at
from kanbench.analysis.outcomes import OUTCOMES, leave_out_unknown, outcomes
from kanbench.analysis.ratio import error_ratio
from kanbench.analysis.scores import (
    FAILURES,
    Records,
    Scores,
    chosen_members,
    compared,
    failed_of_each,
    score_matrices,
    scores_by_budget,
)
from kanbench.analysis.significance import Refusal, holm, paired_p
from kanbench.analysis.stats import (
    BOOTSTRAP_SEED,
    UNKNOWN,
    Array,
    Interval,
    Statistic,
    bootstrap,
    expected_best,
    geometric_mean,
    task_geometric_mean,
    task_interquartile_mean,
    wilson,
)
from kanbench.analysis.wins import count_columns, win_tie_loss

COSTS = ("params", "flops", "seconds")  # per model


def ranking(records: Records) -> pd.DataFrame:
    """One row per budget and method, the lowest interquartile mean first; references stand at every budget.

    `error` is the geometric mean over tasks and `iqm` the interquartile mean, both of medians over seeds and with
    95 % bootstrap intervals over seeds (NaN for a single seed); `mean_rank` is over tasks; costs are medians over
    tasks, per model. `failed` of the `members` on these tasks diverged or failed; `outcomes` says what the training
    error and the shares beside it are.
    """
    chosen = chosen_members(records)
    costs = chosen.groupby(["budget", "method"])[list(COSTS)].median()
    rows = []
    for budget, scores in scores_by_budget(records).items():
        ranks = dict(zip(scores.methods, pd.DataFrame(scores.medians).rank().mean(axis=1), strict=True))
        references = references_at(chosen, int(budget))
        beside = score_matrices(references, scores.tasks)
        at_budget = pd.concat([chosen[chosen.budget == budget], references])
        failed, found = failed_of_each(at_budget, scores.tasks), outcomes(at_budget, scores.tasks)
        for method, errors in (scores.by_method | beside).items():
            rows.append(
                {"budget": budget, "method": method, "reference": method in beside, "tasks": len(scores.tasks)}
                | _interval(errors, task_interquartile_mean).columns("iqm")
                | _interval(errors, task_geometric_mean).columns("error")
                | {"mean_rank": ranks.get(method, np.nan)}
                | failed[method]
                | found[method]
                | ({} if method in beside else costs.loc[(budget, method)].to_dict())
            )
    measured = [*UNKNOWN.columns("iqm"), *UNKNOWN.columns("error")]
    counts = ["members", "failed", *OUTCOMES, "mean_rank"]
    columns = ["budget", "method", "reference", "tasks", *measured, *counts, *COSTS]
    table = pd.DataFrame(rows, columns=columns).sort_values(["budget", "iqm"], ignore_index=True)
    return leave_out_unknown(table)


def _interval(scores: Array, statistic: Statistic) -> Interval:
    return bootstrap(scores, np.random.default_rng(BOOTSTRAP_SEED), statistic)


def pair_tests(records: Records, baseline: str | None = None) -> pd.DataFrame:
    """One row per budget and pair of methods: Friedman over all, Wilcoxon and Holm for the pair, wins of the first.

    Holm's correction is for the `comparisons` of all budgets; the primary comparison, if the records have one, is
    tested alone and has 1. `ratio` is the median over tasks of the first method's error over the second's. Where a
    test is refused, one row says so in `reason`.
    """
    rows: list[dict[str, object]] = []
    found = compared(records)
    for budget, scores in found.by_budget.items():
        try:
            tests = found.tests_at(budget, baseline)
        except Refusal as refusal:
            rows.append({"budget": budget, "reason": str(refusal)})
            continue
        for pair in tests.pairs:
            first, second = scores.methods[pair.first], scores.methods[pair.second]
            counts = win_tie_loss(scores.of(first), scores.of(second))
            rows.append(
                {"budget": budget, "first": first, "second": second, "tasks": len(scores.tasks)}
                | {"ratio": 10.0**pair.log10_ratio, "p_all": tests.p, "p": pair.p, "p_holm": pair.p_holm}
                | {"comparisons": pair.comparisons, "differ": tests.differ(pair)}
                | count_columns(counts)
                | {"reason": ""}
            )
    return pd.DataFrame(rows)


def not_worse(records: Records, budget: int) -> set[str]:
    """Methods that were not found to differ from the one of best mean rank; the best alone where tests are refused."""
    found = compared(records)
    scores = found.by_budget[budget]
    try:
        tests = found.tests_at(budget)
    except Refusal:
        return {scores.methods[int(np.argmin(task_geometric_mean(scores.errors)))]}
    best = int(np.argmin(tests.mean_ranks))
    apart = {i for pair in tests.pairs if tests.differ(pair) for i in (pair.first, pair.second)
             if best in (pair.first, pair.second)}  # fmt: skip
    return {method for i, method in enumerate(scores.methods) if i == best or i not in apart}


def failures(records: Records) -> pd.DataFrame:
    """One row per method: members that diverged or failed, their share with its Wilson interval, skips and misses.

    Where training rows, noise or extrapolation differ, all levels are counted.
    """
    rows = []
    chosen = pd.concat([part.chosen for _, part in compared(records).levels])
    for method, part in chosen.groupby("method"):
        trained = part[part.status != "skipped"]
        failed = int(trained.status.isin(FAILURES).sum())
        rate = wilson(failed, len(trained)) if len(trained) else UNKNOWN
        missed = int(trained.drop_duplicates("cell").missed.sum()) if "missed" in trained else 0
        rows.append(
            {"method": method, "members": len(trained), "failed": failed}
            | rate.columns("rate")
            | {"skipped": len(part) - len(trained), "missed": missed}
        )
    return pd.DataFrame(rows).sort_values(["rate", "method"], ascending=[False, True], ignore_index=True)


def aggregation_pairs(frame: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """(method with sum, the same method otherwise, its aggregation), for every such pair in the frame.

    Pairs are found by their labels, also where `method` is another name and `label` holds the label.
    """
    facts = frame[frame.aggregation.fillna("") != ""].drop_duplicates("method")
    facts = facts.assign(label=facts.label if "label" in facts else facts.method)
    sums = facts[facts.aggregation == "sum"].set_index("label").method
    for row in facts[facts.aggregation != "sum"].itertuples():
        twin = row.label.replace(f" {row.aggregation}", "", 1)
        if twin in sums:
            yield sums[twin], row.method, row.aggregation


def aggregations(records: Records) -> pd.DataFrame:
    """Sum against the other aggregations, paired by basis, task, budget and seed: one row per pair of methods.

    `ratio` is the error of the other aggregation over that of sum, geometric mean over budgets and then over tasks,
    with a 95 % interval over tasks and seeds; above 1, sum is better. Wins are of the other, over tasks and budgets. p
    is Wilcoxon's on per-task means over budgets of the log ratio, corrected by Holm for all rows; NaN under six tasks.
    """
    found = compared(records)
    rows: list[dict[str, object]] = []
    alone = []
    for plain, other, aggregation in aggregation_pairs(found.frame):
        held = [scores for scores in found.by_budget.values() if plain in scores.methods and other in scores.methods]
        if not held:
            continue
        theirs, ours = (np.concatenate([scores.of(method) for scores in held]) for method in (other, plain))
        generator = np.random.default_rng(BOOTSTRAP_SEED)
        ratio = error_ratio(_by_task(held, other), _by_task(held, plain), generator)
        counts = win_tie_loss(theirs, ours)
        rows.append(
            {"method": plain, "aggregation": aggregation, "budgets": len(held), "pairs": len(ours)}
            | ratio.columns("ratio")
            | count_columns(counts)
        )
        alone.append(_paired_p(held, other, plain))
    p = np.array(alone, dtype=float)
    known = ~np.isnan(p)
    p[known] = holm(p[known])
    return pd.DataFrame(rows).assign(p_holm=p)


def _by_task(held: list[Scores], method: str) -> Array:
    """Return the errors of a method, NaN where a task was not compared at a budget: (tasks, budgets, seeds)."""
    tasks = sorted({task for scores in held for task in scores.tasks})
    errors = np.full((len(tasks), len(held), held[0].errors.shape[-1]), np.nan)
    for i, scores in enumerate(held):
        errors[[tasks.index(task) for task in scores.tasks], i] = scores.of(method)
    return errors


def _paired_p(held: list[Scores], other: str, plain: str) -> float:
    """p of the pair, tasks being the units: budgets of one task are averaged first. NaN under six tasks."""
    logs = [
        pd.Series(np.log(np.median(s.of(other), axis=1) / np.median(s.of(plain), axis=1)), index=pd.Index(s.tasks))
        for s in held
    ]
    by_task = pd.concat(logs, axis=1).mean(axis=1).to_numpy()
    return float(paired_p(by_task[None])[0]) if len(by_task) >= 6 and np.isfinite(by_task).all() else np.nan


def best_mlp(ranked: pd.DataFrame, frame: pd.DataFrame) -> str | None:
    """The MLP of lowest error at the largest budget, the one to compare with; None without MLPs."""
    mlps = frame[(families(frame) == MLP) & frame.budget.notna()].method.unique()
    last = ranked[(ranked.budget == ranked.budget.max()) & ranked.method.isin(mlps)]
    return None if last.empty else str(last.loc[last.error.idxmin(), "method"])


def best_of(scores: Scores) -> pd.DataFrame:
    """Expected lowest error of n seeds, geometric mean over tasks: one row per method, one column per n."""
    expected = geometric_mean(expected_best(scores.errors), axis=1)  # (methods, n)
    table = pd.DataFrame(expected, columns=[f"{n + 1}" for n in range(expected.shape[1])])
    table.insert(0, "method", scores.methods)
    return table.sort_values(table.columns[-1], ignore_index=True)
