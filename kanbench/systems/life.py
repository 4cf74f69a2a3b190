"""The life of a KAN: sparse training, pruning, refinement, symbolic functions, and training of their constants."""

from copy import deepcopy
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor, nn

from kanbench.bases import BSpline
from kanbench.data import Dataset, FormulaTask, SplitSizes, sample, stream
from kanbench.errors import require, require_finite
from kanbench.interpret import Sameness, formula, prune, same_function, snap_network, tidy
from kanbench.interpret.parsing import FUNCTIONS, parse
from kanbench.interpret.pruning import kan_layers
from kanbench.models import KAN, BaseBranch, extend
from kanbench.models.edges import edge_layers
from kanbench.training import LBFGS, LevenbergMarquardt, train

DIGITS = 4  # of constants: within 5e-4 relative, a formula can be compared with the true one
PATIENCE = 60.0  # seconds that a proof may take; few differences need more


@dataclass(frozen=True)
class Life:
    """One life: its networks, oldest first, with their mean squared errors on the standardized training split."""

    data: Dataset
    stages: dict[str, nn.Sequential]
    errors: dict[str, float]
    ranges: dict[str, tuple[float, float]]  # of the task's variables
    expression: sympy.Expr  # in the variables of the task, with unrounded constants
    sameness: Sameness  # of the expression and the task's formula

    @property
    def pruned_shape(self) -> list[int]:
        """The widths of the pruned network, from the inputs to the output."""
        layers = kan_layers(self.stages["pruned"])
        return [layers[0].n_in, *(layer.n_out for layer in layers)]

    @torch.no_grad()
    def test_rmse(self) -> float:
        """The test RMSE of the symbolic network, in the units of the formula."""
        test = self.data.test
        found = self.data.restore(self.stages["named"](torch.from_numpy(test.x)).squeeze(-1).numpy())
        return float(((found - test.y) ** 2).mean() ** 0.5)

    @property
    def test_r2(self) -> float:
        """The test R^2 of the symbolic network."""
        return 1.0 - (self.test_rmse() / float(self.data.test.y.std())) ** 2


@dataclass(frozen=True)
class Upbringing:
    """The settings of every life: `width` hidden nodes, and cubic splines on `intervals`.

    A life has these steps. (1) Rounds of `sparse_steps` L-BFGS steps with the penalty `sparsity`, each followed by
    pruning, until a round removes nothing or there were `rounds`. (2) Levenberg-Marquardt. (3) Grid extension to
    `refined_intervals`, and Levenberg-Marquardt again. (4) A symbolic function for every edge. (5) Levenberg-Marquardt
    on the constants. No step uses the test split.

    Source: Liu et al. 2024 (arXiv:2404.19756), section 2.5, with several rounds and another optimizer after them.
    """

    width: int = 5
    intervals: int = 3
    sparsity: float = 0.03
    rounds: int = 4
    sparse_steps: int = 60
    refined_intervals: int = 10
    steps: int = 60
    constant_steps: int = 200

    def __post_init__(self) -> None:
        require_finite(self)
        for name in ("width", "intervals", "rounds", "sparse_steps", "steps", "constant_steps"):
            require(getattr(self, name) >= 1, name, "must be at least 1", getattr(self, name))
        require(self.sparsity >= 0, "sparsity", "must not be negative", self.sparsity)
        rule = f"must not be fewer than intervals = {self.intervals}"
        require(self.refined_intervals >= self.intervals, "refined_intervals", rule, self.refined_intervals)

    def live(self, task: FormulaTask, seed: int, sizes: SplitSizes) -> Life:
        """Run one life on the data of this seed."""
        truth = truth_of(task)
        data = sample(task, seed, sizes)
        x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.standardize(data.train.y))
        born = self.born(task, seed)
        stages: dict[str, nn.Sequential] = {"born": born}
        errors: dict[str, float] = {}
        stages["trained"], stages["pruned"] = self.pruned(born, x, y)
        errors["pruned"] = train(stages["pruned"], x, y, LevenbergMarquardt(steps=self.steps))
        stages["refined"] = extend(stages["pruned"], self.refined_intervals, x)
        errors["refined"] = train(stages["refined"], x, y, LevenbergMarquardt(steps=self.steps))
        stages["named"] = snap_network(stages["refined"], x)
        constants = LevenbergMarquardt(steps=self.constant_steps)
        errors["named"] = train(stages["named"], x, y, constants)
        expression = formula_of(stages["named"], task, data)
        ranges = {variable.name: (variable.low, variable.high) for variable in task.variables}
        sameness = same_function(
            expression, truth, list(ranges), list(ranges.values()), digits=DIGITS, seconds=PATIENCE
        )
        return Life(data, stages, errors, ranges, expression, sameness)

    def born(self, task: FormulaTask, seed: int) -> KAN:
        """Return the network of this seed before training."""
        state = stream(seed, "initialization", task.name).generate_state(1)[0]
        return KAN(
            [task.n_inputs, self.width, 1],
            BSpline(intervals=self.intervals),
            base_branch=BaseBranch.silu,
            generator=torch.Generator().manual_seed(int(state)),
            dtype=torch.float64,
        )

    def pruned(self, model: KAN, x: Tensor, y: Tensor) -> tuple[KAN, KAN]:
        """Return the network after the first sparse training, and after the rounds of pruning."""
        current = deepcopy(model)
        train(current, x, y, LBFGS(steps=self.sparse_steps), sparsity=self.sparsity)
        trained, smaller = current, prune(current, x)
        for _ in range(self.rounds - 1):
            if n_edges(smaller) == n_edges(current):
                break
            current = deepcopy(smaller)
            train(current, x, y, LBFGS(steps=self.sparse_steps), sparsity=self.sparsity)
            smaller = prune(current, x)
        return trained, smaller


def require_splits(train: int, test: int) -> None:
    """Raise `ValueError` for splits with fewer than two rows."""
    for name, rows in (("train", train), ("test", test)):
        require(rows >= 2, name, "must be at least 2", rows)


def n_edges(model: nn.Sequential) -> int:
    """Return the number of edges that are not pruned."""
    return sum(int(layer.active.sum()) for layer in edge_layers(model))


def names_of(task: FormulaTask) -> list[str]:
    """Return the names of the variables of a task."""
    return [variable.name for variable in task.variables]


def formula_of(model: nn.Sequential, task: FormulaTask, data: Dataset) -> sympy.Expr:
    """Return the expression of a network trained on the data, in the variables and units of the task."""
    maps = [(2.0 / (v.high - v.low), -(v.high + v.low) / (v.high - v.low)) for v in task.variables]
    return formula(model, names_of(task), inputs=maps, output=(data.y_std, data.y_mean))


def readable(life: Life) -> str:
    """Return the expression of a life as text, rounded and simplified over the ranges of its variables."""
    return sympy.sstr(tidy(life.expression, DIGITS, pi=True, ranges=life.ranges), full_prec=False)


def truth_of(task: FormulaTask) -> sympy.Expr:
    """Return the formula of a task for sympy, with NumPy's sinc. Raises `ValueError` if sympy cannot read it."""
    require(len(task.variables) == task.n_inputs, f"task {task.name}", "must have no vectors", task.formula)
    functions = FUNCTIONS | {"sinc": lambda u: sympy.sinc(sympy.pi * u)}
    try:
        return parse(task.formula, names_of(task), functions)
    except ValueError as error:
        raise ValueError(f"task {task.name}: sympy cannot read it ({error})") from error
