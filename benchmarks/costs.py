"""Forward and step times of each method at each size, measured in one interleaved run and written to `costs.csv`."""

from collections.abc import Callable, Sequence

import pandas as pd
import torch

from benchmarks import bare
from benchmarks.machine import machine
from benchmarks.measurement import Result, Row, Settings
from benchmarks.timing import Timings, interleave
from kanbench.analysis.costs import COLUMNS
from kanbench.analysis.spreadsheet import write_csv
from kanbench.bases import RBF, BSpline, Chebyshev, Fourier, Taylor
from kanbench.cells import Cell, Precision
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod, NetworkMethod
from kanbench.training import LevenbergMarquardt

BASES = (BSpline(), Chebyshev(), Fourier(), RBF(), Taylor())
METHODS: tuple[NetworkMethod, ...] = (*(KANMethod(basis=basis) for basis in BASES), MLPMethod(), MLPMethod(depth=2))
BUDGETS = (100, 200, 300)
TASKS = ("I.12.11", "II.36.38")  # of two and of three inputs, the numbers that most equations have
SEEDS = (0, 1, 2, 3, 4)  # the members of a cell, by default
STEPS = 3  # per sample, which starts anew each time, because converged members cost nothing


def run(settings: Settings) -> Result:
    """Measure the methods of the README's main comparisons at their budgets, and write `costs.csv` beside the record.

    The table is what `kanbench tables FOLDER --costs` takes.
    """
    if settings.quick:
        table, raw = measure(settings, METHODS[-3:], BUDGETS[:1], TASKS[:1])
    else:
        table, raw = measure(settings)
    path = settings.partial.with_name("quick_costs.csv" if settings.quick else "costs.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(table, path)
    notes = [
        f"forward: one model on {SplitSizes().train:,} rows without gradients, float64; step: one of "
        f"Levenberg-Marquardt, per member of {len(SEEDS)} that train at once",
        f"joined to the tables by `kanbench tables FOLDER --costs {path}`",
    ]
    rows: list[Row] = table[["method", "budget", "n_inputs", "params", "forward_ms", "step_ms"]].to_dict("records")
    return Result({"costs": rows}, notes=notes, raw=raw)


def measure(
    settings: Settings,
    methods: Sequence[NetworkMethod] = METHODS,
    budgets: Sequence[int] = BUDGETS,
    tasks: Sequence[str] = TASKS,
) -> tuple[pd.DataFrame, list[Row]]:
    """Return one row per method, budget and number of inputs, and the seconds of every round behind them.

    Args:
        settings: of the measurement.
        methods: their labels are those of records.
        budgets: numbers of parameters.
        tasks: names of the suite feynman, each with another number of inputs.
    """
    cells = [_cell(task, method, budget) for task in tasks for method in methods for budget in budgets]
    work: dict[str, Callable[[], object]] = {}
    for cell in cells:
        work[f"{_name(cell)}, forward"] = Forward(cell, settings)
        work[f"{_name(cell)}, step"] = Steps(cell, settings)
    timings = interleave(work, settings)
    facts = {name: value for name, value in machine(settings.device).items() if name in COLUMNS}
    table = pd.DataFrame([_row(cell, timings) | facts for cell in cells], columns=list(COLUMNS))
    return table, [{"work": name, "seconds": seconds} for name, seconds in timings.seconds.items()]


def _cell(task: str, method: NetworkMethod, budget: int) -> Cell:
    of_task = load_suite("feynman").task(task)
    optimizer = LevenbergMarquardt()
    return Cell("benchmark", "feynman", of_task, method, budget, SEEDS, optimizer, SplitSizes(), Precision.double)


def _name(cell: Cell) -> str:
    return f"{cell.method.label} at {cell.budget} with {cell.task.n_inputs} inputs"


def _row(cell: Cell, timings: Timings) -> Row:
    return {
        "method": cell.method.label,
        "budget": cell.budget,
        "n_inputs": cell.task.n_inputs,
        "params": cell.sizing.params,
        "forward_ms": 1e3 * timings.median(f"{_name(cell)}, forward"),
        "step_ms": 1e3 * timings.median(f"{_name(cell)}, step") / (STEPS * len(SEEDS)),
    }


class Forward:
    """A callable that predicts all training rows by one model of a cell."""

    def __init__(self, cell: Cell, settings: Settings) -> None:
        assert isinstance(cell.method, NetworkMethod)
        start = bare.generator(0, "initialization", cell.task)
        self.model = cell.method.build(cell.task.n_inputs, cell.sizing.nodes, start, cell.precision.dtype)
        self.model = self.model.to(settings.device)
        self.x = bare.prepare(cell, cell.sizing.nodes, settings.device).batch("train")[0][0]

    def __call__(self) -> None:
        with torch.no_grad():
            self.model(self.x)


class Steps:
    """A callable that trains all members of a cell for `STEPS` steps of its optimizer."""

    def __init__(self, cell: Cell, settings: Settings) -> None:
        prepared = bare.prepare(cell, cell.sizing.nodes, settings.device)
        self.optimizer, self.ensemble = cell.optimizer, prepared.ensemble
        self.x, self.y = prepared.batch("train")
        self.theta = self.ensemble.start.to(settings.device)
        self.rates = torch.full((len(SEEDS),), torch.nan, dtype=self.theta.dtype, device=settings.device)

    def __call__(self) -> None:
        state = self.optimizer.start(self.ensemble, self.theta, self.rates, [])
        self.optimizer.advance(self.ensemble, state, self.x, self.y, STEPS)
