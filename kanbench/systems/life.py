"""The life of a KAN: trained sparsely, pruned, refined, its functions named, its constants trained."""

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

DIGITS = 4  # of constants, so that they are within 5e-4 relative when a formula is said to be the true one
PATIENCE = 60.0  # seconds that a proof may take; few differences are worth one


@dataclass(frozen=True)
class Life:
    """The networks of one life, oldest first, with their mean squared errors on the standardized training split."""

    data: Dataset
    stages: dict[str, nn.Sequential]
    errors: dict[str, float]
    ranges: dict[str, tuple[float, float]]  # of the task's variables
    expression: sympy.Expr  # in the variables of the task, constants as they are
    sameness: Sameness  # of the expression and the task's formula

    @property
    def pruned_shape(self) -> list[int]:
        """Widths from the inputs to the output."""
        layers = kan_layers(self.stages["pruned"])
        return [layers[0].n_in, *(layer.n_out for layer in layers)]

    @torch.no_grad()
    def test_rmse(self) -> float:
        """Of the named network, in the units of the formula."""
        test = self.data.test
        found = self.data.restore(self.stages["named"](torch.from_numpy(test.x)).squeeze(-1).numpy())
        return float(((found - test.y) ** 2).mean() ** 0.5)

    @property
    def test_r2(self) -> float:
        """Of the named network."""
        return 1.0 - (self.test_rmse() / float(self.data.test.y.std())) ** 2


@dataclass(frozen=True)
class Upbringing:
    """What is done to every network, whatever the task: `width` hidden nodes, cubic splines on `intervals`, then

    rounds of `sparse_steps` L-BFGS steps with the penalty `sparsity` and a pruning, until one removes nothing or there
    were `rounds`; Levenberg-Marquardt; a grid of `refined_intervals`; Levenberg-Marquardt; a name for every edge;
    Levenberg-Marquardt on the constants. Nothing of it looks at the test split.

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
        """One life, on the data of this seed."""
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
        constants = LevenbergMarquardt(steps=self.constant_steps, tolerance=1e-6)
        errors["named"] = train(stages["named"], x, y, constants)
        expression = formula_of(stages["named"], task, data)
        ranges = {variable.name: (variable.low, variable.high) for variable in task.variables}
        sameness = same_function(
            expression, truth, list(ranges), list(ranges.values()), digits=DIGITS, seconds=PATIENCE
        )
        return Life(data, stages, errors, ranges, expression, sameness)

    def born(self, task: FormulaTask, seed: int) -> KAN:
        """The network of this seed before training."""
        state = stream(seed, "initialization", task.name).generate_state(1)[0]
        return KAN(
            [task.n_inputs, self.width, 1],
            BSpline(intervals=self.intervals),
            base_branch=BaseBranch.silu,
            generator=torch.Generator().manual_seed(int(state)),
            dtype=torch.float64,
        )

    def pruned(self, model: KAN, x: Tensor, y: Tensor) -> tuple[KAN, KAN]:
        """The network after the first sparse training, and what the rounds of pruning leave of it."""
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
    """Raises `ValueError` for splits without a spread."""
    for name, rows in (("train", train), ("test", test)):
        require(rows >= 2, name, "must be at least 2", rows)


def n_edges(model: nn.Sequential) -> int:
    """Edges that are there."""
    return sum(int(layer.active.sum()) for layer in edge_layers(model))


def names_of(task: FormulaTask) -> list[str]:
    """The variables of a task."""
    return [variable.name for variable in task.variables]


def formula_of(model: nn.Sequential, task: FormulaTask, data: Dataset) -> sympy.Expr:
    """What a network trained on the data says of the task: an expression in its variables and units."""
    maps = [(2.0 / (v.high - v.low), -(v.high + v.low) / (v.high - v.low)) for v in task.variables]
    return formula(model, names_of(task), inputs=maps, output=(data.y_std, data.y_mean))


def readable(life: Life) -> str:
    """The expression of a life rounded and tidied over the ranges of its variables, as text."""
    return sympy.sstr(tidy(life.expression, DIGITS, pi=True, ranges=life.ranges), full_prec=False)


def truth_of(task: FormulaTask) -> sympy.Expr:
    """The formula of a task; its sinc is that of NumPy. Raises `ValueError` for one that sympy cannot read."""
    require(len(task.variables) == task.n_inputs, f"task {task.name}", "must have no vectors", task.formula)
    functions = FUNCTIONS | {"sinc": lambda u: sympy.sinc(sympy.pi * u)}
    try:
        return parse(task.formula, names_of(task), functions)
    except ValueError as error:
        raise ValueError(f"task {task.name}: sympy cannot read it ({error})") from error
