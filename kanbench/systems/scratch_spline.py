"""A B-spline KAN in PyTorch: every edge w_b silu(x) + w_s spline(x), trained by backpropagation."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from scipy.interpolate import BSpline as SciPySpline
from scipy.special import expit
from torch import Tensor

from kanbench.bases import BSpline
from kanbench.data import SplitSizes, load_suite, sample
from kanbench.errors import require
from kanbench.interpret import draw, layer_statistics
from kanbench.models import KAN, BaseBranch, EdgeScale, KANLayer, Squash
from kanbench.systems.base import LARGEST_SEED, System, require_at_most
from kanbench.systems.findings import Check, Findings, columns
from kanbench.systems.pictures import learning_curves
from kanbench.systems.watch import kan_layers, watched
from kanbench.training import Adam

SAME = 1e-12  # largest accepted difference between a layer's output and its formula
FELL_BELOW = 0.02  # relative L2 error on points not used in training
MOVED = 0.01  # the least accepted move of the control points of an edge


@dataclass(frozen=True)
class ScratchSpline(System):
    """Learns exp(sin(pi x) + y^2) by full-batch Adam, without squash, so hidden values may leave their grid."""

    hidden: tuple[int, ...] = (5,)
    degree: int = 3
    intervals: int = 5
    samples: int = 1_000
    rate: float = 0.02
    steps: int = 2_000
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(all(width >= 1 for width in self.hidden), "hidden", "must be positive widths", self.hidden)
        require(self.samples >= 2, "samples", "must be at least 2", self.samples)
        require(self.rate > 0, "rate", "must be positive", self.rate)
        require(self.steps >= 1, "steps", "must be at least 1", self.steps)
        require(self.seed >= 0, "seed", "must not be negative", self.seed)
        require_at_most(self, hidden=100, degree=20, intervals=1_000, samples=100_000, rate=1_000)
        require_at_most(self, steps=1_000_000, seed=LARGEST_SEED)
        BSpline(degree=self.degree, intervals=self.intervals)

    def model(self) -> KAN:
        """Return the network at its start."""
        return KAN(
            [2, *self.hidden, 1],
            BSpline(degree=self.degree, intervals=self.intervals),
            base_branch=BaseBranch.silu,
            edge_scale=EdgeScale.basis,
            bias=False,
            squash=Squash.none,
            generator=torch.Generator().manual_seed(self.seed),
            dtype=torch.float64,
        )

    def run(self, console: Console) -> Findings:
        data = sample(load_suite("founding").task("hello_kan"), self.seed, SplitSizes(self.samples, 2, 2_000))
        x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
        model = self.model()
        before = deepcopy(model)
        optimizer = Adam(self.steps, check_every=max(1, self.steps // 100), rates=(self.rate,), doublings=0)
        losses = list(watched(model, optimizer, x, y))
        with torch.no_grad():
            predicted = model(torch.from_numpy(data.test.x)).squeeze(1).numpy()
        error = float(np.linalg.norm(predicted - data.test.y) / np.linalg.norm(data.test.y - data.y_mean))
        apart = float(np.max([formula_distance(layer) for layer in kan_layers(model)]))  # NaN if any is
        moves = [movement(old, new) for old, new in zip(kan_layers(before), kan_layers(model), strict=True)]
        least = float(np.min([move.min().item() for move in moves]))
        table = columns("layer", "edges", "control points moved by", "at most", "inputs off the grid", right=4)
        statistics = layer_statistics(model, x, y.unsqueeze(1))
        for index, (move, of_layer) in enumerate(zip(moves, statistics, strict=True)):
            table.add_row(
                f"{index}", f"{move.numel()}", f"{move.mean():.2f}", f"{move.max():.2f}", f"{of_layer.outside:.1%}"
            )
        checks = [
            Check("layers equal their formula, edge by edge in SciPy", apart <= SAME, f"to {apart:.1e}"),
            Check(f"control points of every edge move by {MOVED} or more", least >= MOVED, f"least {least:.2g}"),
            Check(f"the error on unseen points falls below {FELL_BELOW}", error < FELL_BELOW, f"{error:.2e}"),
        ]
        trains = (
            "trains the splines"
            if all(check.holds for check in checks)
            else "does not train the splines as far as required"
        )
        return Findings(
            answer=f"Backpropagation {trains}: relative L2 error {error:.1e} on unseen points "
            f"after {self.steps:,} steps.",
            checks=checks,
            numbers={"mse": losses, "test_rel_l2": error, "moves": [move.tolist() for move in moves]},
            tables=[table],
            figures={
                "loss": learning_curves("Adam on all samples", ("mean squared error", {"": losses})),
                "edges_before": draw(before, x, ["$x$", "$y$"], ["$f$"], title="Edges before training"),
                "edges_after": draw(model, x, ["$x$", "$y$"], ["$f$"], title="Edges after training"),
            },
            notes=["moved by: the largest move of w_s c_i over an edge's control points; mean and maximum over edges"],
        )


def movement(before: KANLayer, after: KANLayer) -> Tensor:
    """Return the largest move of the control points w_s c_i of each edge: (n_in, n_out)."""
    with torch.no_grad():
        return (after.weights() - before.weights())[:, :-1].abs().amax(dim=1)


def formula_distance(layer: KANLayer) -> float:
    """Return the largest difference between a layer and its formula, on its grid and beyond."""
    x = np.random.default_rng(0).uniform(-3.0, 3.0, (500, layer.n_in))
    with torch.no_grad():
        return float(np.abs(layer(torch.from_numpy(x)).numpy() - by_formula(layer, x)).max())


def by_formula(layer: KANLayer, x: np.ndarray) -> np.ndarray:
    """Evaluate sum_i w_b silu(x_i) + w_s sum_t c_t B_t(x_i) with SciPy's B_t, edge by edge: (n, n_in) -> (n, n_out)."""
    assert isinstance(layer.basis, BSpline)
    degree, intervals = layer.basis.degree, layer.basis.intervals
    knots = -1.0 + 2.0 / intervals * np.arange(-degree, intervals + degree + 1)
    splines = [
        SciPySpline.basis_element(knots[t : t + degree + 2], extrapolate=False) for t in range(layer.basis.n_terms)
    ]
    coefficients, scale = layer.coefficients.detach().numpy(), layer.scale.detach().numpy()
    y = np.zeros((len(x), layer.n_out))
    for i, j in np.ndindex(layer.n_in, layer.n_out):
        *c, w_b = coefficients[i, :, j]
        spline = sum(c_t * np.nan_to_num(b(x[:, i])) for c_t, b in zip(c, splines, strict=True))
        y[:, j] += w_b * x[:, i] * expit(x[:, i]) + scale[i, j] * spline
    return y
