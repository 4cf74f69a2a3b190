"""One training step of every basis, against the MLP of the same size and against the peers of that basis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from benchmarks.measurement import Goal, Result, Row, Settings, at_most
from benchmarks.peers import PEERS, Missing
from benchmarks.timing import Timings, interleave, peak_bytes
from kanbench import KAN, MLP
from kanbench.bases import BASES
from kanbench.models import MLPMethod, solve_width


@dataclass(frozen=True)
class Shape:
    """Widths and rows; `mlp_limit` is the goal for the time of a step over that of the MLP."""

    widths: tuple[int, ...]
    rows: int
    mlp_limit: float = 1.3

    def __str__(self) -> str:
        return f"[{','.join(map(str, self.widths))}] x {self.rows:,}"


SHAPES = (Shape((2, 5, 1), 1_000), Shape((64, 64, 1), 1_024), Shape((1_000, 1_000, 1), 100, mlp_limit=0.9))


@dataclass(frozen=True)
class Contender:
    """A model with its name; `basis` is "" for the MLP."""

    name: str
    basis: str
    model: nn.Module
    is_peer: bool = False


class TrainingStep:
    """Called, it trains a model for one step of Adam on the mean squared error of random data, in float32."""

    def __init__(self, model: nn.Module, shape: Shape, settings: Settings, *, compiled: bool = False) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = (2.0 * torch.rand(shape.rows, shape.widths[0], generator=generator) - 1.0).to(settings.device)
        self.y = torch.randn(shape.rows, shape.widths[-1], generator=generator).to(settings.device)
        self.model = model.to(settings.device)
        self.forward = settings.compile(self.model) if compiled else self.model
        trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trainable, lr=1e-3, fused=True)

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        functional.mse_loss(self.forward(self.x), self.y).backward()
        self.optimizer.step()

    @property
    def n_params(self) -> int:
        """Those that a step trains; pykan holds others for its symbolic branch."""
        return sum(p.numel() for p in self.model.parameters() if p.grad is not None)


def run(settings: Settings) -> Result:
    """A table for each shape, eager and compiled; the two are never mixed in one ratio."""
    result = Result(notes=["one step: zero_grad, forward, MSE, backward, torch.optim.Adam(fused=True); float32"])
    modules = {}
    for peer in PEERS:
        try:
            modules[peer] = peer.load(settings.peers)
            result.notes.append(f"{peer.name}: {peer.options}")
        except Missing as reason:
            result.notes.append(f"missing: {reason}")
    for shape in SHAPES[:1] if settings.quick else SHAPES:
        contenders = list(ours(shape))
        for peer, module in modules.items():
            contenders.append(Contender(peer.name, peer.basis, peer.build(module, shape.widths), is_peer=True))
        for compiled in (False, True):
            compare(contenders, shape, settings, result, compiled=compiled)
    return result


def ours(shape: Shape) -> Iterator[Contender]:
    """Every basis of fixed functions at its defaults, and the MLP with one hidden layer and as many parameters."""
    for name, basis in BASES.items():
        if basis().n_inner > 0:
            continue
        kan = KAN(shape.widths, basis())
        yield Contender(f"KAN {name}", name, kan)
    n_params = sum(p.numel() for p in kan.parameters())  # the same for all, at 8 terms per edge
    n_in = shape.widths[0]
    yield Contender("MLP", "", MLP([n_in, solve_width(MLPMethod(), n_in, n_params).width, 1]))


def compare(
    contenders: Sequence[Contender], shape: Shape, settings: Settings, result: Result, *, compiled: bool
) -> None:
    """Measure the contenders in one interleaved run; add a table, and the goals at this shape."""
    title = f"{shape}, {'compiled' if compiled else 'eager'}"
    settings.console.print(f"  {title}", style="dim")
    steps: dict[str, TrainingStep] = {}
    with torch._dynamo.config.patch(recompile_limit=64):  # many models share the code of one class
        for each in contenders:
            step = TrainingStep(each.model, shape, settings, compiled=compiled)
            try:
                step()
                steps[each.name] = step
            except Exception as error:  # whatever foreign code dies of is said, and the others go on
                if not each.is_peer:
                    raise
                result.notes.append(f"{each.name}: fails at {title}: {type(error).__name__}")
        timings = interleave(steps, settings)
        peaks = {name: peak_bytes(step, settings.device) for name, step in steps.items()}
    torch._dynamo.reset()
    running = [each for each in contenders if each.name in steps]
    rows = [_row(each, running, steps, timings, peaks) for each in running]
    result.tables[title] = rows
    result.raw += [{"table": title, "model": name, "seconds": s} for name, s in timings.seconds.items()]
    result.goals += _goals(rows, title, shape)


def _row(
    each: Contender,
    running: Sequence[Contender],
    steps: dict[str, TrainingStep],
    timings: Timings,
    peaks: dict[str, int],
) -> Row:
    row: Row = {
        "model": each.name,
        "params": steps[each.name].n_params,
        "ms": 1e3 * timings.median(each.name),
        "MB": peaks[each.name] / 1e6,
        "time / MLP": timings.ratio(each.name, "MLP"),
    }
    rivals = [rival.name for rival in running if rival.is_peer and rival.basis == each.basis]
    if each.is_peer or not rivals:
        return row | {"time / peer": None, "MB / peer": None, "fastest peer": ""}
    fastest = min(rivals, key=timings.median)
    return row | {
        "time / peer": timings.ratio(each.name, fastest),
        "MB / peer": peaks[each.name] / peaks[fastest],
        "fastest peer": fastest,
    }


def _goals(rows: list[Row], title: str, shape: Shape) -> list[Goal]:
    kans = {row["model"]: row for row in rows if row["model"].startswith("KAN ")}
    against = {name: row for name, row in kans.items() if row["time / peer"] is not None}
    return [
        at_most(f"time / fastest peer, {title}", 0.5, {name: row["time / peer"] for name, row in against.items()}),
        at_most(f"memory / that peer, {title}", 1.0, {name: row["MB / peer"] for name, row in against.items()}),
        at_most(f"time / MLP, {title}", shape.mlp_limit, {name: row["time / MLP"] for name, row in kans.items()}),
    ]
