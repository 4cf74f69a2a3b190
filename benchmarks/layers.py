"""One training step of every basis, against the MLP of the same size and against the peers with that basis."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.measurement import Goal, Result, Row, Settings, at_most
from benchmarks.peers import PEERS, TERMS, Missing
from benchmarks.sizes import eight_terms
from benchmarks.timing import Timings, interleave, peak_bytes
from kanbench import KAN, MLP
from kanbench.bases import BASES, Basis
from kanbench.methods import MLPMethod, solve_nodes
from kanbench.training import Adam, Ensemble


@dataclass(frozen=True)
class Shape:
    """Widths and rows; `mlp_limit` is the goal for the time of a step relative to that of the MLP."""

    widths: tuple[int, ...]
    rows: int
    mlp_limit: float = 1.3

    def __str__(self) -> str:
        return f"[{','.join(map(str, self.widths))}] x {self.rows:,}"

    @property
    def fits_many(self) -> bool:
        """True if ensembles of this shape are useful; for larger shapes one model keeps the cores busy."""
        return max(self.widths) < 100


class Mode(Enum):
    """The mode of execution: eager, through torch.compile, or (kanbench only) `MEMBERS` models as one ensemble."""

    eager = "eager"
    compiled = "compiled"
    at_once = "ensembles"


MEMBERS = 16
SHAPES = (Shape((2, 5, 1), 1_000), Shape((64, 64, 1), 1_024), Shape((1_000, 1_000, 1), 100, mlp_limit=0.9))


class Copies(Basis):
    """A basis without functions: every term is the input. The rest of its step is common to every basis."""

    n_terms = TERMS

    def expand(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1).expand(*x.shape, TERMS)


PRODUCTS = "products alone"


@dataclass(frozen=True)
class Contender:
    """A model with its name; `basis` is "" for the MLP."""

    name: str
    basis: str
    model: nn.Module
    is_peer: bool = False


class TrainingStep:
    """A callable that trains a model for one step of Adam on the mean squared error of random data, in float32."""

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
        """The number of trained parameters; pykan has others for its symbolic branch."""
        return sum(p.numel() for p in self.model.parameters() if p.grad is not None)


class EnsembleStep:
    """A callable that trains `MEMBERS` copies of a model for one step of Adam, each on its own data, in float32."""

    def __init__(self, model: nn.Module, shape: Shape, settings: Settings) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = 2.0 * torch.rand(MEMBERS, shape.rows, shape.widths[0], generator=generator) - 1.0
        self.y = torch.randn(MEMBERS, shape.rows, generator=generator)
        self.x, self.y = self.x.to(settings.device), self.y.to(settings.device)
        self.ensemble, self.optimizer = Ensemble([deepcopy(model) for _ in range(MEMBERS)]), Adam()
        self.n_params = self.ensemble.n_params
        theta = self.ensemble.start.to(settings.device)
        self.state = self.optimizer.start(self.ensemble, theta, theta.new_full((MEMBERS,), 1e-3), [])

    def __call__(self) -> None:
        self.optimizer.advance(self.ensemble, self.state, self.x, self.y, 1)


def run(settings: Settings) -> Result:
    """Measure a table for each shape and mode.

    Eager and compiled times are never mixed in one ratio. Peers have no ensembles, so a member's share of an ensemble
    step is compared with an eager step of the peer.
    """
    result = Result(notes=list(NOTES))
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
        for mode in Mode if shape.fits_many else (Mode.eager, Mode.compiled):
            compare(contenders, shape, mode, settings, result)
    return result


NOTES = (
    "one step: zero_grad, forward, MSE, backward, torch.optim.Adam(fused=True); float32",
    f"ensembles: {MEMBERS} members of one method in one step of kanbench's Adam; ms and MB are per member",
    f"{PRODUCTS}: a network of the same size whose terms are copies of its inputs; products / peer is its time over "
    "that of the fastest peer, which is a lower bound for a basis made of torch operations",
    "malloc keeps freed memory, as in kanbench's trainings, for every contender",
)


def ours(shape: Shape) -> Iterator[Contender]:
    """Build every basis of fixed functions with eight terms, and the MLP of one hidden layer with equal parameters."""
    for name, basis in BASES.items():
        if basis().n_inner == 0:
            yield Contender(f"KAN {name}", name, KAN(shape.widths, eight_terms(basis)))
    products = KAN(shape.widths, Copies())
    yield Contender(PRODUCTS, "", products)
    n_params = sum(p.numel() for p in products.parameters())  # the same for all, at 8 terms per edge
    n_in = shape.widths[0]
    yield Contender("MLP", "", MLP([n_in, solve_nodes(MLPMethod(depth=1), n_in, n_params).width, 1]))


def compare(contenders: Sequence[Contender], shape: Shape, mode: Mode, settings: Settings, result: Result) -> None:
    """Measure the contenders in one interleaved run; add a table, and the goals at this shape."""
    title = f"{shape}, {mode.value}"
    settings.console.print(f"  {title}", style="dim")
    steps: dict[str, TrainingStep | EnsembleStep] = {}
    with torch._dynamo.config.patch(recompile_limit=64):  # many models share the code of one class
        for each in contenders:
            if mode is Mode.at_once and not each.is_peer:
                steps[each.name] = EnsembleStep(each.model, shape, settings)
                continue
            step = TrainingStep(each.model, shape, settings, compiled=mode is Mode.compiled)
            try:
                step()
                steps[each.name] = step
            except Exception as error:  # any error of foreign code is noted; the others go on
                if not each.is_peer:
                    raise
                result.notes.append(f"{each.name}: fails at {title}: {type(error).__name__}")
        models = {name: MEMBERS if isinstance(step, EnsembleStep) else 1 for name, step in steps.items()}
        seconds = interleave(steps, settings).seconds
        timings = Timings({name: [s / models[name] for s in each] for name, each in seconds.items()})
        peaks = {name: peak_bytes(step, settings.device) / models[name] for name, step in steps.items()}
    torch._dynamo.reset()
    running = [each for each in contenders if each.name in steps]
    rows = [_row(each, running, steps[each.name].n_params, timings, peaks) for each in running]
    result.tables[title] = rows
    result.raw += [{"table": title, "model": name, "seconds": s} for name, s in timings.seconds.items()]
    result.goals += _goals(rows, title, shape)


def _row(
    each: Contender, running: Sequence[Contender], n_params: int, timings: Timings, peaks: dict[str, float]
) -> Row:
    row: Row = {
        "model": each.name,
        "params": n_params,
        "ms": 1e3 * timings.median(each.name),
        "MB": peaks[each.name] / 1e6,
        "time / MLP": timings.ratio(each.name, "MLP"),
    }
    rivals = [rival.name for rival in running if rival.is_peer and rival.basis == each.basis]
    if each.is_peer or not rivals:
        return row | {"time / peer": None, "MB / peer": None, "products / peer": None, "fastest peer": ""}
    fastest = min(rivals, key=timings.median)
    return row | {
        "time / peer": timings.ratio(each.name, fastest),
        "MB / peer": peaks[each.name] / peaks[fastest],
        "products / peer": timings.ratio(PRODUCTS, fastest),
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
