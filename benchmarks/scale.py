"""The growth of cost with rows, width, grid size, members, and the number of records at load time."""

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.ensembles import STEPS, Training
from benchmarks.layers import Shape, TrainingStep
from benchmarks.measurement import Result, Row, Settings, at_most
from benchmarks.timing import Timings, interleave
from kanbench import KAN
from kanbench.analysis import load_records, summarize
from kanbench.bases import BSpline
from kanbench.cells import Cell, Precision, run_cell
from kanbench.cells.cost import peak_memory
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

ROWS = (100, 1_000, 10_000, 100_000)
WIDTHS = (4, 16, 64, 256, 1_024)
INTERVALS = (5, 10, 20, 50, 100)
MEMBERS = (1, 4, 16, 64)
SEEDS, METHODS, BUDGETS = 5, 2, 10  # of the cells whose records are loaded


def run(settings: Settings) -> Result:
    """Measure one table per quantity; a training step in float32 unless the title says otherwise."""
    result = Result(notes=["growth: time over that of the line above; exponent: of the size, from that line to this"])
    n_sizes = 2 if settings.quick else None
    grow(result, settings, "rows, [2,5,1]", {n: _step(settings, (2, 5, 1), n) for n in ROWS[:n_sizes]})
    grow(result, settings, "width, [64,w,1] x 1,000", {w: _step(settings, (64, w, 1), 1_000) for w in WIDTHS[:n_sizes]})
    x = (2.0 * torch.rand(1_000, 64) - 1.0).to(settings.device)
    bases = {g: BSpline(intervals=g) for g in INTERVALS[:n_sizes]}
    expansions = {g: partial(basis.expand, x) for g, basis in bases.items()}
    grow(result, settings, "B-spline intervals, basis alone, 1,000 x 64", expansions)
    steps = {g: _step(settings, (64, 64, 1), 1_000, basis) for g, basis in bases.items()}
    grow(result, settings, "B-spline intervals, [64,64,1] x 1,000", steps)
    trainings = {m: Training(Shape((2, 5, 1), 1_000), m, LevenbergMarquardt(), settings) for m in MEMBERS[:n_sizes]}
    grow(result, settings, f"members, [2,5,1] x 1,000, {STEPS} steps of Levenberg-Marquardt, float64", trainings)
    records(result, 1_000 if settings.quick else 100_000, settings)
    return result


def _step(settings: Settings, widths: tuple[int, ...], rows: int, basis: BSpline | None = None) -> TrainingStep:
    return TrainingStep(KAN(widths, basis), Shape(widths, rows), settings)


def grow(result: Result, settings: Settings, title: str, work: Mapping[int, Callable[[], object]]) -> None:
    """Measure the sizes in one interleaved run and add their table."""
    settings.console.print(f"  {title}", style="dim")
    timings = interleave({str(size): call for size, call in work.items()}, settings)
    result.tables[title] = list(_growth(list(work), timings))
    result.raw += [{"table": title, "size": size, "seconds": s} for size, s in timings.seconds.items()]


def _growth(sizes: list[int], timings: Timings) -> Iterable[Row]:
    for last, size in zip([None, *sizes], sizes, strict=False):
        row: Row = {"size": size, "ms": 1e3 * timings.median(str(size)), "growth": None, "exponent": None}
        if last is not None:
            growth = timings.ratio(str(size), str(last))
            row |= {"growth": growth, "exponent": float(np.log(growth) / np.log(size / last))}
        yield row


def records(result: Result, n_members: int, settings: Settings) -> None:
    """Load and summarize many records: one real record, stored again under other keys, tasks and budgets."""
    settings.console.print(f"  {n_members:,} records", style="dim")
    with tempfile.TemporaryDirectory() as folder:
        write_records(RecordStore(Path(folder) / "cells"), n_members)
        with peak_memory(torch.device("cpu")) as memory:
            started = time.perf_counter()
            frame = load_records(folder)
            loaded = time.perf_counter()
            summarize(frame)
            summarized = time.perf_counter()
    row = {
        "member rows": len(frame),
        "files": n_members // SEEDS,
        "load_records, s": loaded - started,
        "summarize, s": summarized - loaded,
        "peak MB": memory.bytes / 1e6,
    }
    result.tables["records"] = [row]
    result.goals.append(at_most(f"loading {len(frame):,} records", 10.0, {"": loaded - started}, " s"))


def write_records(store: RecordStore, n_members: int) -> None:
    """Write cells of `SEEDS` members: two methods at ten budgets, on as many tasks as needed."""
    cell = Cell(
        "benchmark", "feynman", load_suite("feynman").tasks[0], KANMethod(depth=1), 50, tuple(range(SEEDS)),
        LevenbergMarquardt(steps=10), SplitSizes(100, 100, 100), Precision.double,
    )  # fmt: skip
    genuine = run_cell(cell)
    store.prepare()
    for i in range(n_members // SEEDS):
        task, variant = divmod(i, METHODS * BUDGETS)
        changed: Row = {
            "cell": f"{i:024x}",
            "task": f"task {task}",
            "same_as": "",
            "method": f"method {variant % METHODS}",
            "budget": 50 * (1 + variant // METHODS),
        }
        store.write(replace(genuine, key=changed["cell"], members=[m | changed for m in genuine.members]))
