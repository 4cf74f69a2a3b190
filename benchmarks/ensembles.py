"""Member-steps per second against the number of members trained at once."""

from functools import partial

import torch

from benchmarks.layers import Shape
from benchmarks.measurement import Result, Settings
from benchmarks.timing import interleave
from kanbench import KAN
from kanbench.training import Adam, CompiledEnsemble, Ensemble, LevenbergMarquardt, Optimizer

SHAPES = (Shape((4, 10, 10, 1), 1_000), Shape((2, 5, 1), 1_000))
SIZES = (1, 2, 5, 10, 20, 40, 80)
SEEDS = 5  # of a cell, by default
STEPS = 3  # per sample; Levenberg-Marquardt restarts each time, because converged members cost nothing
ADAM, LM = "Adam", "Levenberg-Marquardt"


class Training:
    """A callable that trains an ensemble of B-spline KANs on a smooth target, in float64, for `STEPS` steps."""

    def __init__(
        self, shape: Shape, members: int, optimizer: Optimizer, settings: Settings, *, compiled: bool = False
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        double = partial(torch.rand, generator=generator, dtype=torch.float64)
        self.x = (2.0 * double(members, shape.rows, shape.widths[0]) - 1.0).to(settings.device)
        self.y = (3.0 * self.x).sin().sum(-1)
        models = [KAN(shape.widths, generator=generator, dtype=torch.float64) for _ in range(members)]
        self.optimizer = optimizer
        self.ensemble = CompiledEnsemble(models, backend=settings.backend) if compiled else Ensemble(models)
        self.theta = self.ensemble.start.to(settings.device)
        self.rates = torch.full((members,), 1e-3, dtype=torch.float64, device=settings.device)

    def __call__(self) -> None:
        state = self.optimizer.start(self.ensemble, self.theta, self.rates, [])
        self.optimizer.advance(self.ensemble, state, self.x, self.y, STEPS)


def run(settings: Settings) -> Result:
    """Measure one table per shape: one row per ensemble size, one column per optimizer."""
    sizes = SIZES[:3] if settings.quick else SIZES
    result = Result(
        notes=[
            "member-steps per second, float64, B-spline KANs; compiled: the vmapped gradient alone",
            "a cell: the optimizers whose cells have that many members at the defaults, one for each seed and trial",
        ]
    )
    for shape in SHAPES[1:] if settings.quick else SHAPES:
        settings.console.print(f"  {shape}", style="dim")
        work = {(name, size): training for size in sizes for name, training in _trainings(shape, size, settings)}
        timings = interleave({_label(*key): each for key, each in work.items()}, settings)
        rate = {key: key[1] * STEPS / timings.median(_label(*key)) for key in work}
        names = list(dict.fromkeys(name for name, _ in work))
        result.tables[str(shape)] = [
            {"members": n, **{name: rate[name, n] for name in names}, "a cell": ", ".join(_cells_of(n))} for n in sizes
        ]
        result.raw += [{"table": str(shape), "work": work, "seconds": s} for work, s in timings.seconds.items()]
    return result


def _trainings(shape: Shape, members: int, settings: Settings) -> list[tuple[str, Training]]:
    return [
        (f"{ADAM} eager", Training(shape, members, Adam(), settings)),
        (f"{ADAM} compiled", Training(shape, members, Adam(), settings, compiled=True)),
        (LM, Training(shape, members, LevenbergMarquardt(), settings)),
    ]


def _cells_of(members: int) -> list[str]:
    optimizers = {ADAM: Adam(), LM: LevenbergMarquardt()}
    return [name for name, optimizer in optimizers.items() if SEEDS * len(optimizer.trials) == members]


def _label(name: str, members: int) -> str:
    return f"{name}, {members}"
