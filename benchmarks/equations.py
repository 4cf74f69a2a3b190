"""A step of Levenberg-Marquardt on an equation over one on a regression, at equal rows and parameters."""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from benchmarks.lm_step import BASES, MEMBERS, Steps, network, seconds
from benchmarks.measurement import Result, Row, Settings, at_most
from benchmarks.timing import one_thread
from kanbench.cells.problems import problem_of
from kanbench.data import CLEAN, EquationTask, SplitSizes, load_suite
from kanbench.training import Ensemble
from kanbench.training.residual_ensemble import ResidualEnsemble

WIDTHS = {"MLP": 75, "KAN": 12}  # of 301 parameters for two variables
TASKS = ("poisson", "burgers")  # second derivatives along two variables, and along one of two
ROWS = 1_000  # of the interior; each condition has a twentieth of them
ROUNDS = 9
NESTED = 2  # rounds of nested reverse mode, which takes seconds


def run(settings: Settings) -> Result:
    """Measure two tables: a row for each equation and method, on one thread of the CPU."""
    result = Result(
        notes=[
            f"one thread, float64, {MEMBERS} members, milliseconds of a member; all rows of the equation count",
            "ratios are medians over rounds of both steps, one after the other; judged by CPU time",
            "Jacobian: that of all residuals by all parameters, closed form over nested reverse mode",
        ]
    )
    with one_thread():
        rows = [_row(name, task, settings, result.raw) for task in TASKS for name in ("MLP", *BASES)]
    result.tables["a step on an equation over one on a regression"] = rows
    of_each = {f"{row['method']}, {row['equation']}": row for row in rows}
    result.goals = [
        at_most("a step over a plain one", 6.0, {name: row["ratio"] for name, row in of_each.items()}),
        at_most("a closed Jacobian over a nested one", 0.5, {name: row["closed"] for name, row in of_each.items()}),
    ]
    return result


def ensembles(name: str, task: EquationTask) -> tuple[Ensemble, ResidualEnsemble]:
    """Return the same networks as members of a regression and of an equation."""
    draws = torch.Generator().manual_seed(0)
    models = [network(name, WIDTHS, draws) for _ in range(MEMBERS)]
    return Ensemble(models), ResidualEnsemble(models, problem_of(task))


def _row(name: str, of: str, settings: Settings, raw: list[Row]) -> Row:
    task = load_suite("pde").task(of)
    assert isinstance(task, EquationTask)
    plain, equation = ensembles(name, task)
    splits = [task.split(seed, SplitSizes(ROWS, 2, 100), CLEAN).train for seed in range(MEMBERS)]
    packed = torch.stack([torch.from_numpy(each.x) for each in splits])
    inputs = torch.from_numpy(np.stack([task.equation.box.unit(each.x[:, : task.n_inputs]) for each in splits]))
    targets = torch.exp(-inputs[..., 0]) * torch.sin(2.0 * inputs[..., 1])
    steps = {
        "plain": Steps(plain, inputs, targets),
        "equation": Steps(equation, packed, torch.from_numpy(np.stack([each.y for each in splits]) * 0.0)),
    }
    taken = _interleaved(steps, 2 if settings.quick else ROUNDS)
    jacobians = _interleaved(_jacobians(equation, packed), 1 if settings.quick else NESTED)
    raw.append({"method": name, "equation": of, **{k: v.tolist() for k, v in (taken | jacobians).items()}})
    return {
        "method": name,
        "equation": of,
        "parameters": plain.n_params,
        "rows": packed.shape[1],
        "directions": equation.along.n_rows,
        "plain": float(np.median(taken["plain"])) * 1e3 / MEMBERS,
        "step": float(np.median(taken["equation"])) * 1e3 / MEMBERS,
        "ratio": float(np.median(taken["equation"] / taken["plain"])),
        "jacobian": float(np.median(jacobians["closed"])) * 1e3 / MEMBERS,
        "nested": float(np.median(jacobians["nested"])) * 1e3 / MEMBERS,
        "closed": float(np.median(jacobians["closed"] / jacobians["nested"])),
    }


def _jacobians(equation: ResidualEnsemble, packed: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return both ways to the Jacobian; an ensemble without stages takes the nested one."""
    nested = ResidualEnsemble(equation.members(equation.start), equation.problem)
    nested.stages = None
    rows = {each: each.embed(packed) for each in (equation, nested)}
    return {
        "closed": partial(equation.jacobians, equation.start, rows[equation]),
        "nested": partial(nested.jacobians, nested.start, rows[nested]),
    }


def _interleaved(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Return the CPU seconds of every call, one after the other in each round, after one that warms up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks of torch on slow batching
        taken = [{name: seconds(call, 1)[1] for name, call in work.items()} for _ in range(1 + rounds)]
    return {name: np.array([each[name] for each in taken[1:]]) for name in work}
