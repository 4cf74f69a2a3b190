"""A cell under the harness against the same arithmetic in a bare loop."""

from collections.abc import Callable
from functools import partial

from benchmarks import bare
from benchmarks.measurement import Result, Row, Settings, at_most
from benchmarks.timing import interleave
from kanbench.bases import BSpline
from kanbench.cells import Cell, Execution, Precision, run_cell
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import LevenbergMarquardt

TASK = "I.9.18"
SEEDS = (0, 1, 2, 3, 4)
CELLS = [
    (method, budget)
    for method in (KANMethod(1, basis=BSpline(intervals=5)), MLPMethod(depth=1))
    for budget in (50, 300)
]


def run(settings: Settings) -> Result:
    """Measure one row per cell: the harness relative to training alone, and to all work of a cell done by hand."""
    optimizer = LevenbergMarquardt(steps=10) if settings.quick else LevenbergMarquardt(steps=80, least_gain=0.0)
    work: dict[str, Callable[[], object]] = {}
    for method, budget in CELLS[:1] if settings.quick else CELLS:
        name = f"{method.label} at {budget}"
        cell = Cell(
            "benchmark", "feynman", load_suite("feynman").task(TASK), method, budget, SEEDS, optimizer, SplitSizes(),
            Precision.double,
        )  # fmt: skip
        prepared = bare.prepare(cell, cell.sizing.nodes, settings.device)
        splits = prepared.batch("train"), prepared.batch("validation")
        work[f"{name}, run_cell"] = partial(run_cell, cell, Execution(accelerator=settings.device.type))
        work[f"{name}, training"] = partial(bare.train, prepared, *splits)
        work[f"{name}, everything"] = partial(bare.everything, cell, settings.device)
    timings = interleave(work, settings)
    rows: list[Row] = []
    for name in dict.fromkeys(each.rsplit(", ", 1)[0] for each in work):
        harness, training, everything = (f"{name}, {part}" for part in ("run_cell", "training", "everything"))
        rows.append(
            {
                "cell": name,
                "run_cell, s": timings.median(harness),
                "training, s": timings.median(training),
                "everything, s": timings.median(everything),
                "over training, %": 100.0 * (timings.ratio(harness, training) - 1.0),
                "over everything, %": 100.0 * (timings.ratio(harness, everything) - 1.0),
            }
        )
    goals = [
        at_most(f"run_cell {over}", 5.0, {row["cell"]: row[f"{over}, %"] for row in rows}, " %")
        for over in ("over training", "over everything")
    ]
    notes = [
        f"{len(SEEDS)} seeds of {TASK} by Levenberg-Marquardt, float64",
        "training: start, advance and validation losses in a bare loop; everything: sampling, building, training and "
        "grading by hand; the rest is Trainer, FLOP count, memory and record",
    ]
    return Result({"overhead": rows}, goals, notes, [{"work": k, "seconds": v} for k, v in timings.seconds.items()])
