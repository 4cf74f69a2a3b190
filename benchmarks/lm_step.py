"""A step of Levenberg-Marquardt over the least that it must compute, and the time of a training to one percent."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf

from benchmarks.measurement import Result, Row, Settings, at_most
from benchmarks.sizes import eight_terms
from benchmarks.timing import one_thread
from kanbench import KAN, MLP
from kanbench.bases import RBF, Basis, BSpline, Chebyshev, Fourier, Taylor
from kanbench.training import Ensemble, LevenbergMarquardt

MEMBERS = 5
WARM_UP = 3  # steps
SIZES = {1_000: {"MLP": 75, "KAN": 12}, 200: {"MLP": 15, "KAN": 2}}  # rows: widths of 301, and of 61 or 51 parameters
BASES: dict[str, Basis] = {kind.__name__: eight_terms(kind) for kind in (Taylor, Chebyshev, Fourier, RBF, BSpline)}
ANCHOR_SHAPE, ANCHOR_ROWS, ANCHOR_STEPS = [5, 10, 10, 1], 2_000, 30  # an MLP of 181 parameters


@dataclass
class Floor:
    """The products and factors that no step can do without: J^T J and its Cholesky factor for each member."""

    n: int
    params: int

    def __post_init__(self) -> None:
        draws = np.random.default_rng(0)
        self.jacobians = [np.asfortranarray(draws.normal(size=(self.n, self.params))) for _ in range(MEMBERS)]
        self.systems = [np.zeros((self.params, self.params), order="F") for _ in range(MEMBERS)]

    def __call__(self) -> None:
        for jacobian, system in zip(self.jacobians, self.systems, strict=True):
            dsyrk(1.0 / self.n, jacobian, trans=True, lower=True, c=system, overwrite_c=True)
            system[np.diag_indices(self.params)] += 1e-2
            dpotrf(system, lower=True, overwrite_a=True)


class Steps:
    """A callable that goes on with a training by one step of all members."""

    def __init__(self, ensemble: Ensemble, x: torch.Tensor, y: torch.Tensor) -> None:
        self.ensemble, self.x, self.y, self.optimizer = ensemble, x, y, LevenbergMarquardt()
        self.state = self.optimizer.start(self.ensemble, self.ensemble.start, torch.zeros(MEMBERS), [])
        self.optimizer.advance(self.ensemble, self.state, self.x, self.y, WARM_UP)

    def __call__(self) -> None:
        self.optimizer.advance(self.ensemble, self.state, self.x, self.y, 1)


def regression(name: str, n: int) -> Steps:
    """Return the training of a network on a function of two inputs."""
    draws = torch.Generator().manual_seed(0)
    models = [network(name, SIZES[n], draws) for _ in range(MEMBERS)]
    x = 2.0 * torch.rand(MEMBERS, n, 2, generator=draws, dtype=torch.float64) - 1.0
    return Steps(Ensemble(models), x, torch.exp(-x[..., 0]) * torch.sin(2.0 * x[..., 1]))


def network(name: str, widths: dict[str, int], draws: torch.Generator) -> KAN | MLP:
    """Build a network with one hidden layer, for two inputs."""
    if name == "MLP":
        return MLP([2, widths["MLP"], 1], generator=draws, dtype=torch.float64)
    return KAN([2, widths["KAN"], 1], BASES[name], generator=draws, dtype=torch.float64)


def run(settings: Settings) -> Result:
    """Measure one table: a row for each method and size, on one thread of the CPU."""
    result = Result(
        notes=[
            f"one thread, float64, {MEMBERS} members, milliseconds of a member; floor: SciPy's syrk and Cholesky",
            "ratios are medians over rounds of a step and its floor, one after the other; judged by CPU time",
        ]
    )
    with one_thread():
        rows = [_row(name, n, settings, result.raw) for n in SIZES for name in ("MLP", *BASES)]
        anchor = [_anchor(seed) for seed in range(1 if settings.quick else 5)]
    result.tables["a step over its floor"] = rows
    result.tables[f"arctan of five inputs, MLP {ANCHOR_SHAPE}, {ANCHOR_STEPS} steps on {ANCHOR_ROWS:,} rows"] = anchor
    large = {row["method"]: row["ratio"] for row in rows if row["rows"] == max(SIZES)}
    spline = {name: ratio for name, ratio in large.items() if name == "BSpline"}
    rest = {name: ratio for name, ratio in large.items() if name not in spline}
    result.goals = [
        at_most("a step of LM over syrk and Cholesky, 301 parameters", 1.5, rest),
        at_most("the same for B-splines", 1.7, spline),
        at_most(
            "CPU seconds of a training to 1 %, arctan", 0.3, {f"seed {a['seed']}": a["seconds"] for a in anchor}, " s"
        ),
        at_most("its relative L2 on 10,000 test rows", 0.01, {f"seed {a['seed']}": a["error"] for a in anchor}),
    ]
    return result


def _row(name: str, n: int, settings: Settings, raw: list[Row]) -> Row:
    step = regression(name, n)
    params = step.ensemble.n_params
    work = {"floor": Floor(n, params), "step": step}
    repeats = max(1, 1_000 // n)
    rounds = [{what: seconds(call, repeats) for what, call in work.items()} for _ in range(2 if settings.quick else 41)]
    wall, cpu = (np.array([[each[what][k] for what in work] for each in rounds]) for k in range(2))
    raw += [{"method": name, "rows": n, "clock": k, "seconds": t.tolist()} for k, t in (("wall", wall), ("cpu", cpu))]
    floor_ms, step_ms = np.median(cpu, axis=0) * 1e3 / MEMBERS
    ratio, wall_ratio = (float(np.median(t[:, 1] / t[:, 0])) for t in (cpu, wall))
    return {
        "method": name,
        "parameters": params,
        "rows": n,
        "floor": float(floor_ms),
        "step": float(step_ms),
        "ratio": ratio,
        "by wall clock": wall_ratio,
    }


def seconds(call: Callable[[], None], repeats: int) -> tuple[float, float]:
    """Return the seconds of a call by the wall clock and of the CPU."""
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - wall) / repeats, (time.thread_time() - cpu) / repeats


def _anchor(seed: int) -> Row:
    """Train one model on an arctan of five inputs: its seconds of CPU, without the test, and its relative L2."""
    draws = torch.Generator().manual_seed(seed)
    x, test = (torch.rand(rows, 5, generator=draws, dtype=torch.float64) for rows in (ANCHOR_ROWS, 10_000))
    y, expected = arctan(x), arctan(test)
    model = MLP(ANCHOR_SHAPE, generator=draws, dtype=torch.float64)
    started = time.thread_time()
    mean, std = y.mean(), y.std()
    ensemble, optimizer = Ensemble([model]), LevenbergMarquardt()
    state = optimizer.start(ensemble, ensemble.start, torch.zeros(1), [])
    optimizer.advance(ensemble, state, 2.0 * x.unsqueeze(0) - 1.0, ((y - mean) / std).unsqueeze(0), ANCHOR_STEPS)
    seconds = time.thread_time() - started
    predicted = ensemble.predict(state.theta, 2.0 * test.unsqueeze(0) - 1.0)[0] * std + mean
    error = (predicted - expected).norm() / (expected - mean).norm()
    return {"seed": seed, "seconds": seconds, "error": float(error)}


def arctan(x: torch.Tensor) -> torch.Tensor:
    """Evaluate the anchor, a sum of two ridges that bend with x2 and sharpen with x5: (n, 5) in [0, 1] -> (n,)."""

    def ridge(weight: torch.Tensor, sign: float) -> torch.Tensor:
        steep = 20.0 * (x[:, 0] - 0.5 + sign * x[:, 1] / 6.0) * torch.exp(x[:, 4])
        return (2.0 + 2.0 * weight) / (3.0 * math.pi) * (torch.atan(steep) + math.pi / 2.0)

    return ridge(x[:, 2], 1.0) + ridge(x[:, 3], -1.0)
