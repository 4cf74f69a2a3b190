"""Seconds per model to a given error on 27 Feynman equations: kanbench against pykan, on the same data and seeds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from benchmarks import bare, peers
from benchmarks.machine import machine
from benchmarks.measurement import Goal, Result, Row, Settings, at_least
from benchmarks.timing import Stopwatch
from kanbench.bases import BSpline
from kanbench.cells import Cell, Precision
from kanbench.data import FormulaTask, SplitSizes, load_suite
from kanbench.methods import KANMethod
from kanbench.models import BaseBranch
from kanbench.run.progress import Tally, progress_of
from kanbench.training import LevenbergMarquardt

WIDTH = 5  # of the hidden layer; both use cubic splines on 5 intervals
METHOD = KANMethod(1, base_branch=BaseBranch.silu, basis=BSpline(intervals=5))  # the edges of pykan: SiLU plus a spline
PYKAN_STEPS = 100
TARGETS = (1e-1, 1e-2, 1e-3)


@dataclass(frozen=True)
class Trace:
    """Seconds of training up to each step, and each model's test relative L2 there: (steps,), (models, steps)."""

    seconds: list[float]  # per model
    errors: list[list[float]]

    @property
    def final(self) -> list[float]:
        return [of_model[-1] for of_model in self.errors]

    def seconds_to(self, error: float) -> float | None:
        """Return the time until the median over models is first at or below `error`, or None if it never is."""
        for seconds, median in zip(self.seconds, np.median(self.errors, axis=0), strict=True):
            if median <= error:
                return seconds
        return None


def run(settings: Settings) -> Result:
    """Measure one row per equation; rows that a stopped run has finished are read from its partial file."""
    try:
        pykan = peers.load_pykan()
    except peers.Missing as reason:
        return Result(goals=_goals([]), notes=[f"missing: {reason}"])
    tasks = [task for task in load_suite("feynman").tasks if fnmatchcase(task.name, settings.equations)]
    tasks = tasks[:1] if settings.quick else tasks
    protocol = machine(settings.device) | {"seeds": settings.seeds, "steps": _steps(settings)}
    done = {row["equation"]: row for row in _finished(settings, protocol)}
    tally = Tally(reused=sum(task.name in done for task in tasks))
    if tally.reused < len(tasks):
        compare(tasks[0], pykan, settings, steps=1)  # a warm-up
    with progress_of(settings.console, max(1, len(tasks) - tally.reused)) as step:
        for task in tasks:
            if task.name not in done:
                done[task.name] = compare(task, pykan, settings, _steps(settings))
                _keep({"protocol": protocol, "row": done[task.name]}, settings)
                tally.trained += 1
                step(1.0, tally)
    raw = [done[task.name] for task in tasks]
    return Result({"time to error": [_row(row) for row in raw]}, _goals(raw), NOTES, raw)


NOTES = [
    f"shape [n,{WIDTH},1], SiLU and cubic B-splines on 5 intervals, 1,000 training rows, float64; inputs in [-1, 1], y "
    "standardized; error: relative L2 on 10,000 test rows, median over seeds",
    f"pykan: its fit with its defaults (LBFGS, {PYKAN_STEPS} steps, grid updates), speed(), one seed after the other",
    "kanbench: all seeds at once by Levenberg-Marquardt with its defaults, best step on validation, "
    "evaluation included; s: seconds per model",
    "s to that: until the median error of kanbench is at or below pykan's final one; speed: pykan's s over that",
    "the clock is stopped while test errors are taken",
]


def compare(task: FormulaTask, pykan: ModuleType, settings: Settings, steps: int) -> Row:
    """Train both libraries on one equation, pykan for `steps` steps."""
    cell = Cell(
        "benchmark", "feynman", task, METHOD, 0, tuple(range(settings.seeds)), LevenbergMarquardt(),
        SplitSizes(), Precision.double,
    )  # fmt: skip
    prepared = bare.prepare(cell, WIDTH, settings.device)
    ours, theirs = trace_kanbench(prepared), trace_pykan(pykan, prepared, steps)
    targets = {f"{target:g}": target for target in TARGETS} | {"pykan": float(np.median(theirs.final))}
    return {"equation": task.name} | {
        name: {
            "errors": trace.final,
            "seconds": trace.seconds[-1],
            "seconds_to": {label: trace.seconds_to(target) for label, target in targets.items()},
        }
        for name, trace in (("kanbench", ours), ("pykan", theirs))
    }


def trace_kanbench(prepared: bare.Prepared) -> Trace:
    """Train all members at once; each is judged at its best step on validation so far, as in the harness."""
    optimizer, ensemble = prepared.cell.optimizer, prepared.ensemble
    (x, y), validation = prepared.batch("train"), prepared.batch("validation")
    best = ensemble.start.to(prepared.device, copy=True)
    lowest = best.new_full((len(ensemble),), torch.inf)
    watch, seconds, errors = Stopwatch(prepared.device), [], []
    watch.start()
    state = optimizer.start(ensemble, best, torch.full_like(lowest, torch.nan), bare.orders(prepared))
    for _ in range(optimizer.steps):
        optimizer.advance(ensemble, state, x, y, 1)
        bare.keep_best(ensemble, state.theta, validation, best, lowest)
        finished = bool(state.done.all())
        watch.stop()
        seconds.append(watch.seconds / len(ensemble))
        errors.append([metrics["rel_l2"] for metrics in bare.grades(prepared, best, "test")])
        if finished:
            break
        watch.start()
    return Trace(seconds, np.transpose(errors).tolist())


def trace_pykan(pykan: ModuleType, prepared: bare.Prepared, steps: int) -> Trace:
    """Train one model after the other; seconds are the mean per model."""
    (x, y), (x_test, y_test) = prepared.batch("train"), prepared.batch("test")
    traces = []
    with _default_dtype(x.dtype):
        for i, seed in enumerate(prepared.cell.seeds):
            model = peers.pykan(pykan, [x.shape[2], WIDTH, 1], seed=seed).to(prepared.device)
            observer = Observer(model, x_test[i], y_test[i], Stopwatch(prepared.device))
            # pykan evaluates a test split itself; with two rows this costs nothing.
            data = {"train_input": x[i], "train_label": y[i].unsqueeze(1)}
            data |= {"test_input": x[i, :2], "test_label": y[i, :2].unsqueeze(1)}
            observer.watch.start()
            model.fit(data, steps=steps, metrics=[observer])
            traces.append(observer)
    return Trace(np.mean([t.seconds for t in traces], axis=0).tolist(), [t.errors for t in traces])


class Observer:
    """A callback that pykan calls after every step: stops the clock, measures the test error, restarts the clock."""

    __name__ = "observer"  # pykan stores what it returns under this name

    def __init__(self, model: torch.nn.Module, x: Tensor, y: Tensor, watch: Stopwatch) -> None:
        self.model, self.x, self.y, self.watch = model, x, y, watch
        self.seconds: list[float] = []
        self.errors: list[float] = []

    def __call__(self) -> Tensor:
        self.watch.stop()
        self.seconds.append(self.watch.seconds)
        with torch.no_grad():
            # y is standardized by the training split, so the constant predictor is 0
            error = (self.model(self.x).squeeze(1) - self.y).norm() / self.y.norm()
        self.errors.append(error.item())
        self.watch.start()
        return error


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Set torch's default dtype for the block, because pykan builds its networks in it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _row(raw: Row) -> Row:
    ours, theirs = raw["kanbench"], raw["pykan"]
    return {
        "equation": raw["equation"],
        "pykan error": float(np.median(theirs["errors"])),
        "error": float(np.median(ours["errors"])),
        "pykan s": theirs["seconds"],
        "s": ours["seconds"],
        "s to that": ours["seconds_to"]["pykan"],
        "speed": _speed(raw),
        **{f"s to {target:g}": ours["seconds_to"][f"{target:g}"] for target in TARGETS},
    }


def _speed(raw: Row) -> float:
    """Return models per second at equal or lower error relative to pykan; 0 if kanbench never reaches pykan's error."""
    seconds = raw["kanbench"]["seconds_to"]["pykan"]
    return raw["pykan"]["seconds"] / seconds if seconds is not None else 0.0


def _goals(raw: list[Row]) -> list[Goal]:
    speeds = [_speed(row) for row in raw]
    lower = sum(float(np.median(row["kanbench"]["errors"])) < float(np.median(row["pykan"]["errors"])) for row in raw)
    return [
        at_least("models/s over pykan's at its error, median over equations", 100, np.median(speeds) if raw else None),
        at_least(f"equations with lower error than pykan, of {len(raw)}", 25, lower if raw else None),
    ]


def _steps(settings: Settings) -> int:
    return 3 if settings.quick else PYKAN_STEPS


def _finished(settings: Settings, protocol: Row) -> list[Row]:
    if settings.quick or not settings.partial.exists():
        return []
    lines = [json.loads(line) for line in settings.partial.read_text().splitlines()]
    return [line["row"] for line in lines if line["protocol"] == protocol]


def _keep(line: Row, settings: Settings) -> None:
    if not settings.quick:
        with settings.partial.open("a") as file:
            file.write(json.dumps(line) + "\n")
