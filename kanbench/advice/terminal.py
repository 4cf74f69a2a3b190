"""The plan and the answer of an advice, printed to the terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from kanbench.advice.numbers import ADVICE
from kanbench.advice.plan import ROWS_PER_PARAMETER, Plan, Scarce, Trials, table_of
from kanbench.advice.sentences import percent
from kanbench.analysis.stats import Interval
from kanbench.config.config import Config
from kanbench.errors import counted


def print_table(console: Console, config: Config, plan: Plan, by_rule: bool) -> None:
    """Print the rows of each split, and the rule that limits the networks unless budgets are asked for."""
    task = table_of(config)
    rows = task.rows(config.sizes)
    console.print(
        f"table     {task.source or task.name}: {counted(task.n_inputs, 'input')}; {rows.train:,} of "
        f"{task.n_rows:,} rows train, "
        f"{rows.validation:,} choose, {rows.test:,} test what was chosen"
    )
    if by_rule:
        console.print(
            f"rule      at most {plan.most:,} parameters, one for every {ROWS_PER_PARAMETER} training rows; "
            "budget.targets=[100], say, asks for others"
        )


def print_plan(console: Console, config: Config, plan: Plan, batch: Sequence[Trials], about: str) -> None:
    """Print what is tried, what waits for time that is left, and what has no networks of its budget."""
    assert config.search is not None
    shapes = f"up to {counted(config.search.trials, 'shape')} of each, {counted(len(config.seeds), 'start')} a shape"
    console.print(f"to try    {listed(batch)}; {shapes}\n          {about}")
    if later := [each for each in plan.trials if each not in batch]:
        console.print(f"left out  for time, unless some is left: {listed(later)}")
    if plan.scarce:
        console.print(f"left out  for want of shapes: {listed(plan.scarce)}")


def listed(trials: Iterable[Trials | Scarce]) -> str:
    """Return families by their budgets: "MLP tanh, KAN Taylor at 100; MLP tanh at 300"."""
    by_budget: dict[int, list[str]] = {}
    for each in trials:
        by_budget.setdefault(each.budget, []).append(each.family)
    return "; ".join(f"{', '.join(families)} at {budget:,} parameters" for budget, families in by_budget.items())


def print_advice(console: Console, config: Config, numbers: dict[str, Any]) -> None:
    """Print the answer, what was tried, and how the model is loaded."""
    console.print(f"\n{numbers['answer']}\n", style="bold", soft_wrap=False)
    tried = numbers["tried"]
    shapes, members = (sum(each[key] for each in tried) for key in ("shapes", "members"))
    console.print(
        f"tried     {counted(shapes, 'shape')}, {counted(members, 'training')} in {numbers['seconds']:.0f} s:"
    )
    for each in tried:
        validation, test = (percent(Interval(each[split])) if each[split] else "-" for split in ("validation", "test"))
        size = f"{each['shape']}, {each['params']:,} parameters"
        console.print(f"          {each['family']:14s} {size:32s} {validation:>9s} on validation {test:>9s} on test")
    if numbers["left_out"]:
        console.print(f"not done  {', '.join(numbers['left_out'])}")
    console.print(f"numbers   {config.folder / ADVICE}\nmodel     {numbers['model']}")
    for line in numbers["load"]:
        console.print(f"          {line}")
