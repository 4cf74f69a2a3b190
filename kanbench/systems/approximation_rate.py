"""The approximation rate of spline KANs: error against grid size, in the function and in its derivatives."""

from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from kanbench.errors import require
from kanbench.systems.base import LARGEST_SEED, System, require_at_most
from kanbench.systems.findings import Check, Findings
from kanbench.systems.rates import Rate, draw_rates, rates_table
from kanbench.systems.smooth import Composition, Edge, chebyshev_points, distances
from kanbench.training import Ensemble, LevenbergMarquardt
from kanbench.training.steps import states

WITHIN = 0.3  # largest accepted distance from the theorem's exponent
EDGES = (
    Edge("sin(pi x) exp(x/2)", lambda x: torch.sin(torch.pi * x) * torch.exp(x / 2)),
    Edge("1 / (1 + x^2)", lambda x: 1.0 / (1.0 + x.square())),
)
RANDOM_STD = 0.3  # of the coefficients at a random start
# The input of the outer edge lies in [-1, 2], up to the errors of the inner splines.
COMPOSITION = Composition(
    "exp(sin(pi x) + y^2)",
    (Edge("sin(pi x)", lambda x: torch.sin(torch.pi * x)), Edge("y^2", torch.square)),
    Edge("exp", torch.exp, -1.1, 2.1),
)


@dataclass(frozen=True)
class ApproximationRate(System):
    """The theorem || f - KAN_G ||_{C^m} <= C G^(-k-1+m) for splines of degree k, 0 <= m <= k, on known smooth edges.

    One edge is a linear least-squares problem. A composition uses the splines of its known edges, as the proof of the
    theorem does. Levenberg-Marquardt then trains it for `steps` steps on the mean squared error at samples^2 Chebyshev
    points, from those splines and from random starts. Errors are evaluated at `points` points that training does not
    see.

    Source: Liu et al. 2024 (arXiv:2404.19756), theorem 2.1.
    """

    degrees: tuple[int, ...] = (1, 2, 3)
    grids: tuple[int, ...] = (8, 12, 16, 24, 32, 48)
    samples: int = 100
    points: int = 10_000
    steps: int = 50
    starts: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.degrees) and min(self.degrees) >= 1, "degrees", "must be positive", self.degrees)
        require(len(set(self.grids)) >= 3 and min(self.grids) >= 1, "grids", "must be 3 sizes or more", self.grids)
        require(self.samples >= 2, "samples", "must be at least 2", self.samples)
        require(self.points >= 2, "points", "must be at least 2", self.points)
        require(self.steps >= 1, "steps", "must be at least 1", self.steps)
        require(self.starts >= 1, "starts", "must be at least 1", self.starts)
        require(self.seed >= 0, "seed", "must not be negative", self.seed)
        require_at_most(self, degrees=5, grids=1_000, samples=300, points=1_000_000)
        require_at_most(self, steps=100_000, starts=100, seed=LARGEST_SEED)

    def run(self, console: Console) -> Findings:
        edges = [[self.edge_rate(edge, degree) for degree in self.degrees] for edge in EDGES]
        built = [self.composition_rate(degree) for degree in self.degrees]
        trained = [self.composition_rate(degree, trained=True) for degree in self.degrees]
        rows = [*edges, built, trained]
        random = self.random_errors(max(self.degrees))
        checks = [
            rate_check("one edge", [rate for row in edges for rate in row]),
            rate_check("[2, 1, 1]", built),
            rate_check("trained, m = 0", trained, orders=1),
        ]
        return Findings(
            answer="Splines of degree k approximate known smooth edges, alone or composed, as the theorem says: "
            "|| f - KAN_G || in C^m falls like G^-(k + 1 - m)."
            if all(check.holds for check in checks)
            else "Some errors fall at another rate than the theorem's G^-(k + 1 - m).",
            checks=checks,
            numbers={
                "rates": [rate.numbers() for row in rows for rate in row],
                "random_starts": {"grids": self.grids, "degree": max(self.degrees), "C0": random},
            },
            tables=[rates_table([rate for row in rows for rate in row])],
            figures={"rates": draw_rates(rows, random)},
            notes=[
                "Exponents of G in C^m for degree k; ±: 95 % by Student's t of the residuals of the line.",
                where_optimization_bounds(built, trained, random),
            ],
        )

    def edge_rate(self, edge: Edge, degree: int) -> Rate:
        """Fit one edge by least squares on every grid, and return its errors."""
        x = edge.low + (edge.high - edge.low) * (torch.arange(self.points, dtype=torch.float64) + 0.5) / self.points
        errors = [distances(edge.spline(degree, grid), edge.function, x.unsqueeze(1), degree) for grid in self.grids]
        return Rate(edge.name, "", degree, self.grids, _transposed(errors))

    def composition_rate(self, degree: int, *, trained: bool = False) -> Rate:
        """Return the errors of the splines of the known edges, before training or, if `trained`, after it."""
        models: list[nn.Module] = [COMPOSITION.splines(degree, grid) for grid in self.grids]
        if trained:
            models = [self.train([model])[0] for model in models]
        errors = [distances(model, COMPOSITION.function, self._random_points(), degree) for model in models]
        return Rate(COMPOSITION.name, "trained" if trained else "", degree, self.grids, _transposed(errors))

    def random_errors(self, degree: int) -> list[float]:
        """Return for every grid the median error in C^0 over trainings from random starts."""
        x, generator = self._random_points(), torch.Generator().manual_seed(self.seed)
        medians = []
        for grid in self.grids:
            models: list[nn.Module] = [COMPOSITION.splines(degree, grid) for _ in range(self.starts)]
            with torch.no_grad():
                for parameter in (p for model in models for p in model.parameters()):
                    parameter.normal_(std=RANDOM_STD, generator=generator)
            errors = [distances(model, COMPOSITION.function, x, 0)[0] for model in self.train(models)]
            medians.append(float(np.median(errors)))
        return medians

    def train(self, models: list[nn.Module]) -> list[nn.Module]:
        """Return trained copies of the models."""
        x = torch.cartesian_prod(*[chebyshev_points(self.samples)] * 2).expand(len(models), -1, -1)
        y = COMPOSITION.function(x[0]).squeeze(1).expand(len(models), -1)
        ensemble, optimizer = Ensemble(models), LevenbergMarquardt(self.steps)
        rates = x.new_full((len(models),), torch.nan)
        *_, state = states(optimizer, ensemble, x, y, rates=rates, parts=[self.steps])
        return ensemble.members(state.theta)

    def _random_points(self) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        return 2.0 * torch.rand(self.points, 2, generator=generator, dtype=torch.float64) - 1.0


def rate_check(what: str, rates: list[Rate], orders: int | None = None) -> Check:
    """Check that the exponents of the first `orders` norms, or of all norms, agree with the theorem."""
    misses = [miss for rate in rates for miss in rate.misses[:orders]]
    claim = f"{what}: within {WITHIN} of -(k + 1 - m)"
    worst = float(np.max(misses))  # NaN if any is
    return Check(claim, worst <= WITHIN, f"{len(misses)} exponents, to {worst:.2f}")


def where_optimization_bounds(built: list[Rate], trained: list[Rate], random: list[float]) -> str:
    """Describe where optimization, not the splines, limits the error; `random` are errors at the highest degree."""
    worse = [
        after / before
        for one, other in zip(built, trained, strict=True)
        for befores, afters in zip(one.errors[1:], other.errors[1:], strict=True)
        for before, after in zip(befores, afters, strict=True)
    ]
    last = built[-1]
    return (
        "Where optimization, not approximation, bounds the error: training sees the mean squared error alone and "
        f"leaves some derivatives {max(worse):.2g} times as wrong as the splines that it started from; from random "
        f"starts the median error in C^0 is {random[0]:.1e} at G = {last.grids[0]} and {random[-1]:.1e} at G = "
        f"{last.grids[-1]}, where the splines of the known edges have {last.errors[0][-1]:.1e}."
    )


def _transposed(errors: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*errors, strict=True)]
