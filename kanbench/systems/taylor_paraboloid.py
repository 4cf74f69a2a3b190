"""A KAN of Taylor polynomials on a paraboloid: its error, its gradients, and the growth of parameter counts."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from rich.console import Console

from kanbench.bases import BSpline, Taylor
from kanbench.data import SplitSizes, load_suite, sample
from kanbench.errors import require
from kanbench.interpret import draw, layer_statistics
from kanbench.models import KAN, MLP, BaseBranch, EdgeScale, Initialization, Squash
from kanbench.systems.base import LARGEST_SEED, System, require_at_most
from kanbench.systems.findings import Check, Findings, columns
from kanbench.systems.pictures import learning_curves
from kanbench.systems.watch import kan_layers, watched
from kanbench.training import Adam

BLOCK = 20  # epochs per block; means of consecutive blocks are compared
CONVERGED = 0.01  # the last gradient norm of a layer has to be below this share of its largest
SAME_EXPONENT = 0.05
WIDTHS, DEPTHS, GRIDS = (32, 64, 128), (2, 4, 8, 16), (64, 128, 256, 512)


@dataclass(frozen=True)
class TaylorParaboloid(System):
    """Learns x^2 + y^2 on [-1, 1]^2 by edges w (silu(x) + sum_{j < terms} a_j x^j), with all parameters near zero.

    Adam uses half a cosine of the learning rate. Outside [-1, 1] the powers of hidden values keep their value at the
    end of the interval, while silu continues.
    """

    hidden: tuple[int, ...] = (4, 4)
    terms: int = 10
    std: float = 1e-3
    samples: int = 1_000
    batch: int = 100
    rate: float = 0.01
    epochs: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(all(width >= 1 for width in self.hidden), "hidden", "must be positive widths", self.hidden)
        require(self.terms >= 2, "terms", "must be at least 2", self.terms)
        require(self.std > 0, "std", "must be positive", self.std)
        require(self.samples >= 2, "samples", "must be at least 2", self.samples)
        require(1 <= self.batch <= self.samples, "batch", "must be from 1 to samples", self.batch)
        require(self.rate > 0, "rate", "must be positive", self.rate)
        require(self.epochs >= 2 * BLOCK, "epochs", f"must be at least {2 * BLOCK}", self.epochs)
        require(self.seed >= 0, "seed", "must not be negative", self.seed)
        require_at_most(self, hidden=100, terms=100, std=1_000, samples=100_000, rate=1_000)
        require_at_most(self, epochs=100_000, seed=LARGEST_SEED)

    def model(self) -> KAN:
        """Return the network at its start."""
        generator = torch.Generator().manual_seed(self.seed)
        model = KAN(
            [2, *self.hidden, 1],
            Taylor(degree=self.terms - 1, constant=True),
            base_branch=BaseBranch.silu,
            edge_scale=EdgeScale.edge,
            bias=False,
            squash=Squash.none,
            initialization=Initialization.normal,
            gain=self.std,
            generator=generator,
            dtype=torch.float64,
        )
        with torch.no_grad():
            for layer in kan_layers(model):  # by default edges start with w = 1
                layer.scale.normal_(std=self.std, generator=generator)
        return model

    def run(self, console: Console) -> Findings:
        data = sample(load_suite("founding").task("paraboloid"), self.seed, SplitSizes(self.samples, 2, 2))
        x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
        model, per_epoch = self.model(), self.samples // self.batch
        optimizer = Adam(self.epochs * per_epoch, per_epoch, rates=(self.rate,), batch=self.batch, doublings=0)
        losses, norms = [], []
        for loss in watched(model, optimizer, x, y, self.seed):
            losses.append(loss)
            norms.append([layer.gradient_norm for layer in layer_statistics(model, x, y.unsqueeze(1))])
        means = block_means(losses[1:])
        with np.errstate(all="ignore"):  # a network that diverges or does not change has no share, and fails
            settled = [float(np.divide(series[-1], np.max(series))) for series in zip(*norms, strict=True)]
        falls = all(after < before for before, after in pairwise(means))
        falls = falls and losses[-1] < y.var(correction=0).item()  # the error of a constant
        exponents = {law: fitted for law, (fitted, _) in laws().items()}
        table = columns("epochs", "mean of the MSE", right=1)
        for index, mean in enumerate(means):
            table.add_row(f"{index * BLOCK + 1} to {(index + 1) * BLOCK}", f"{mean:.2e}")
        by_layer = {f"layer {i + 1}": series for i, series in enumerate(zip(*norms, strict=True))}
        checks = [
            Check(
                f"MSE ends below a constant's, and each {BLOCK}-epoch mean falls",
                falls,
                f"{len(means)} means",
            ),
            Check(
                f"gradient norms end below {CONVERGED:.0%} of their largest",
                bool(np.max(settled) < CONVERGED),
                ", ".join(f"{share:.1e}" for share in settled),
            ),
        ]
        learns = "learns" if all(check.holds for check in checks) else "does not learn"
        return Findings(
            answer=f"The Taylor KAN {learns} the paraboloid: mean squared error {losses[-1]:.1e} "
            f"after {self.epochs} epochs, {losses[0]:.2g} before.",
            checks=[*checks, *law_checks()],
            numbers={"mse": losses, "gradient_norms": norms, "exponents": exponents},
            tables=[table],
            figures={
                "training": learning_curves(
                    "A Taylor KAN on a paraboloid", ("mean squared error", {"": losses}), ("gradient norm", by_layer)
                ),
                "edges": draw(model, x, ["$x$", "$y$"], ["$f$"], title="Edges after training"),
            },
            notes=[
                "MSE and gradient norms are of all samples, after each epoch.",
                "Exponents are fitted to counts of built models, [N] x (L + 1) nodes, cubic splines on G intervals.",
            ],
        )


def block_means(losses: list[float]) -> list[float]:
    """Return the mean of every whole block of `BLOCK` epochs."""
    whole = len(losses) // BLOCK * BLOCK
    return np.reshape(losses[:whole], (-1, BLOCK)).mean(axis=1).tolist()


def count_mlp(width: int, depth: int) -> int:
    """Count the parameters of a built MLP with `depth` layers of `width` nodes on as many inputs."""
    return sum(p.numel() for p in MLP([width] * (depth + 1)).parameters())


def count_kan(width: int, depth: int, intervals: int) -> int:
    """Count the parameters of a built KAN of cubic splines, of the same shape."""
    return sum(p.numel() for p in KAN([width] * (depth + 1), BSpline(intervals=intervals)).parameters())


def exponent(sizes: tuple[int, ...], counts: list[int]) -> float:
    """Fit e in counts ~ sizes^e by least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(counts), 1)[0])


def laws() -> dict[str, tuple[float, int]]:
    """Return the fitted exponents of parameter counts, and those of the laws O(N^2 L) and O(N^2 L G)."""
    return {
        "MLP N": (exponent(WIDTHS, [count_mlp(n, 2) for n in WIDTHS]), 2),
        "MLP L": (exponent(DEPTHS, [count_mlp(8, depth) for depth in DEPTHS]), 1),
        "KAN N": (exponent(WIDTHS, [count_kan(n, 2, 5) for n in WIDTHS]), 2),
        "KAN L": (exponent(DEPTHS, [count_kan(8, depth, 5) for depth in DEPTHS]), 1),
        "KAN G": (exponent(GRIDS, [count_kan(4, 2, grid) for grid in GRIDS]), 1),
    }


def law_checks() -> list[Check]:
    """Return one check for each model."""
    checks = []
    for model, law in (("MLP", "O(N^2 L)"), ("KAN", "O(N^2 L G)")):
        fits = {name[-1]: fit for name, fit in laws().items() if name.startswith(model)}
        holds = all(math.isclose(fitted, exact, abs_tol=SAME_EXPONENT) for fitted, exact in fits.values())
        found = " ".join(f"{name}^{fitted:.3f}" for name, (fitted, _) in fits.items())
        checks.append(Check(f"built {model}s have {law} parameters", holds, found))
    return checks
