"""A KAN with gradients derived by hand, compared with the same KAN under automatic differentiation."""

from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from kanbench.bases import BSpline
from kanbench.data import load_suite
from kanbench.errors import require
from kanbench.interpret import draw
from kanbench.models import KAN, Initialization
from kanbench.systems.base import LARGEST_SEED, System, require_at_most
from kanbench.systems.by_hand import HandKAN
from kanbench.systems.findings import Check, Findings, columns
from kanbench.systems.pictures import learning_curves
from kanbench.systems.watch import kan_layers, watched
from kanbench.training import SGD

SAME_GRADIENT, SAME_TRAJECTORY = 1e-10, 1e-8  # largest accepted differences of any gradient and any weight


@dataclass(frozen=True)
class HandDerived(System):
    """Learns sin(4 x) exp(-x - 1) / 2 at equally spaced samples of [-1, 1], one sample at a time, in their order.

    A tanh after every hidden layer keeps the input of the next layer in the range of its splines. The last layer has no
    tanh, which would bound the functions that can be learned.
    """

    hidden: tuple[int, ...] = (2,)
    functions: int = 7
    degree: int = 3
    std: float = 0.1
    samples: int = 20
    rate: float = 0.05
    epochs: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(all(width >= 1 for width in self.hidden), "hidden", "must be positive widths", self.hidden)
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)
        require(self.functions > self.degree, "functions", "must be more than degree", self.functions)
        require(self.std > 0, "std", "must be positive", self.std)
        require(self.samples >= 2, "samples", "must be at least 2", self.samples)
        require(self.rate > 0, "rate", "must be positive", self.rate)
        require(self.epochs >= 1, "epochs", "must be at least 1", self.epochs)
        require(self.seed >= 0, "seed", "must not be negative", self.seed)
        require_at_most(self, hidden=100, functions=200, degree=20, std=1_000, samples=10_000, rate=1_000)
        require_at_most(self, epochs=100_000, seed=LARGEST_SEED)

    def model(self) -> KAN:
        """Return the network at its start."""
        return KAN(
            [1, *self.hidden, 1],
            BSpline(degree=self.degree, intervals=self.functions - self.degree),
            bias=False,
            initialization=Initialization.normal,
            gain=self.std,
            generator=torch.Generator().manual_seed(self.seed),
            dtype=torch.float64,
        )

    def data(self) -> tuple[Tensor, Tensor]:
        """Return x (samples, 1) and y (samples,)."""
        x = torch.linspace(-1.0, 1.0, self.samples, dtype=torch.float64)
        y = load_suite("founding").task("damped_sine").target(x.unsqueeze(1).numpy())
        return x.unsqueeze(1), torch.from_numpy(y)

    @property
    def optimizer(self) -> SGD:
        """Return the optimizer; one check is one epoch."""
        return SGD(self.epochs * self.samples, self.samples, rates=(self.rate,), batch=1, doublings=0, shuffle=False)

    def run(self, console: Console) -> Findings:
        x, y = self.data()
        model = self.model()
        by_hand = twin(model)
        losses, distances = [], []
        with np.errstate(all="ignore"):  # a training that diverges fails the checks
            for epoch, loss in enumerate(watched(model, self.optimizer, x, y)):
                if epoch > 0:
                    by_hand.epoch(x.numpy(), y.numpy(), self.rate)
                losses.append(loss)
                distances.append(distance(by_hand, model))
            apart = float(np.max(distances))  # NaN if any is
            gradient = float(np.max([gradient_distance(self.model(), x, y), gradient_distance(model, x, y)]))
            fell = float(np.divide(losses[0], losses[-1]))
        learned = fell >= 10 and losses[-1] < y.var(correction=0).item()  # the error of a constant
        checks = [
            Check("closed-form gradients equal autograd", gradient <= SAME_GRADIENT, f"to {gradient:.1e}"),
            Check(f"all weights agree for {self.epochs} epochs", apart <= SAME_TRAJECTORY, f"to {apart:.1e}"),
            Check("the network learns: its error falls tenfold", learned, f"{fell:.3g}-fold"),
        ]
        shape = "-".join(map(str, [1, *self.hidden, 1]))
        table = columns("epoch", "mean squared error", right=2)
        for epoch in sorted({0, 1, 10, 100, self.epochs} & set(range(self.epochs + 1))):
            table.add_row(f"{epoch:,}", f"{losses[epoch]:.3e}")
        title = f"A {shape} KAN, one sample at a time"
        return Findings(
            answer=f"Derived by hand or differentiated automatically, the {shape} KAN is "
            f"{'' if checks[0].holds and checks[1].holds else 'not '}the same: "
            f"{losses[-1]:.1e} after {self.epochs} epochs.",
            checks=checks,
            numbers={"mse": losses, "largest_weight_distance": apart, "largest_gradient_distance": gradient},
            tables=[table],
            figures={
                "loss": learning_curves(title, ("mean squared error", {"": losses})),
                "edges": draw(model, x, title=f"Edges after {self.epochs} epochs"),
            },
            notes=["mean squared error over all samples; tanh after every layer but the last, no biases"],
        )


def twin(model: KAN) -> HandKAN:
    """Copy a network to one without automatic differentiation."""
    layers = kan_layers(model)
    spline = layers[0].basis
    assert isinstance(spline, BSpline)
    return HandKAN([layer.coefficients.detach().numpy().transpose(0, 2, 1).copy() for layer in layers], spline.degree)


def distance(by_hand: HandKAN, model: KAN) -> float:
    """Return the largest difference of any weight."""
    theirs = twin(model).weights
    return float(np.max([np.abs(a - b).max() for a, b in zip(by_hand.weights, theirs, strict=True)]))


def gradient_distance(model: KAN, x: Tensor, y: Tensor) -> float:
    """Return the largest difference, by hand and by autograd, of any gradient of the loss of any sample."""
    by_hand, distances = twin(model), []
    for sample, target in zip(x, y, strict=True):
        loss = (model(sample) - target).square().sum()
        found = by_hand.gradients(sample.numpy(), target.item())
        for mine, theirs in zip(found, torch.autograd.grad(loss, list(model.parameters())), strict=True):
            distances.append(np.abs(mine - theirs.numpy().transpose(0, 2, 1)).max())
    return float(np.max(distances))
