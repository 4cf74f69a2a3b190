"""pykan's tour "Hello, KAN!" on exp(sin(pi x) + y^2): from data to a formula."""

from dataclasses import dataclass
from math import ceil

import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table

from kanbench.data import SplitSizes, load_suite
from kanbench.errors import require
from kanbench.interpret import draw
from kanbench.systems.base import System, require_at_most
from kanbench.systems.findings import Check, Findings, columns
from kanbench.systems.life import Life, Upbringing, readable, require_splits

NEEDED = 0.8  # share of the seeds
PRECISE = 1e-6  # test RMSE
PICTURES = {
    "1_born": ("born", "before training"),
    "2_trained": ("trained", "trained with sparsity"),
    "3_pruned": ("pruned", "pruned and trained again"),
    "4_refined": ("refined", "on a finer grid"),
    "5_named": ("named", "its functions named"),
}


@dataclass(frozen=True)
class HelloKAN(System):
    """Trains, prunes, refines and names one KAN for each of `seeds` seeds, on `train` points of [-1, 1]^2.

    `Upbringing` has the steps and the other settings.

    Source: pykan's tour "Hello, KAN!"; Liu et al. 2024 (arXiv:2404.19756), section 2.5.
    """

    seeds: int = 10
    train: int = 1_000
    test: int = 10_000
    width: int = 5
    intervals: int = 3
    refined_intervals: int = 10
    sparsity: float = 0.03

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.seeds >= 1, "seeds", "must be at least 1", self.seeds)
        require_splits(self.train, self.test)
        require_at_most(self, seeds=10_000, train=100_000, test=1_000_000, width=100, refined_intervals=1_000)
        self.upbringing()

    def upbringing(self) -> Upbringing:
        """The settings of every life. Raises `ValueError` for invalid settings."""
        return Upbringing(self.width, self.intervals, self.sparsity, refined_intervals=self.refined_intervals)

    def run(self, console: Console) -> Findings:
        task = load_suite("founding").task("hello_kan")
        upbringing, sizes = self.upbringing(), SplitSizes(self.train, self.train, self.test)
        seeds = track(range(self.seeds), "lives", console=console, transient=True)
        return findings([upbringing.live(task, seed, sizes) for seed in seeds])


def findings(lives: list[Life]) -> Findings:
    """Summarize lives, one per seed."""
    right = [life.sameness.algebraic for life in lives]
    precise = [life.test_rmse() < PRECISE for life in lives]
    small = sum(life.pruned_shape == [2, 1, 1] for life in lives)
    both = sum(a and b for a, b in zip(right, precise, strict=True))
    n, least = len(lives), ceil(round(NEEDED * len(lives), 9))
    errors = ", ".join(f"{life.test_rmse():.0e}" for life in lives)
    return Findings(
        answer=f"{both} of {n} seeds find exp(sin(pi x) + y^2); {small} of {n} are pruned to [2, 1, 1]",
        checks=[
            Check(
                f"the formula, constants within 1e-3, for {least} of {n} seeds", sum(right) >= least, f"{sum(right)}"
            ),
            Check(f"test RMSE under {PRECISE:g} for {least} of {n} seeds", sum(precise) >= least, f"{sum(precise)}"),
        ],
        numbers={"lives": [_row(seed, life) for seed, life in enumerate(lives)], "recovered": both, "seeds": n},
        tables=[_table(lives)],
        figures=_pictures(lives[0]),
        notes=[f"The pictures are of seed 0. Test RMSE of all seeds: {errors}."],
    )


def _row(seed: int, life: Life) -> dict[str, object]:
    return {
        "seed": seed,
        "pruned_shape": life.pruned_shape,
        "expression": readable(life),
        "recovered": life.sameness.algebraic,
        "test_rmse": life.test_rmse(),
        "train_mse": life.errors,
    }


def _table(lives: list[Life]) -> Table:
    table = columns("seed", "pruned to", "right", "test RMSE", "formula")
    for seed, life in enumerate(lives):
        row = _row(seed, life)
        right = "yes" if life.sameness.algebraic else "no"
        expression = str(row["expression"])
        shown = expression if len(expression) <= 40 else f"{expression[:37]}..."
        table.add_row(str(seed), str(row["pruned_shape"]), right, f"{row['test_rmse']:.1e}", shown)
    return table


def _pictures(life: Life) -> dict[str, Figure]:
    x = torch.from_numpy(life.data.train.x)
    names = ["$x$", "$y$"]
    return {stem: draw(life.stages[stage], x, names, ["$f$"], title) for stem, (stage, title) in PICTURES.items()}
