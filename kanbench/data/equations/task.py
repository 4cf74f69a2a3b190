"""Tasks given by differential equations: a residual with conditions, rows drawn from the domain, and a solution."""

from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import ClassVar

import numpy as np

from kanbench.data.equations.box import Box
from kanbench.data.equations.conditions import INSIDE, Condition
from kanbench.data.equations.drawing import draw_blocks
from kanbench.data.equations.equation import Equation
from kanbench.data.equations.expression import UNKNOWN
from kanbench.data.equations.grading import Solution
from kanbench.data.equations.hard import HardForm
from kanbench.data.equations.references import SOLVERS
from kanbench.data.equations.renewal import NOTHING, Balance, Renewal
from kanbench.data.equations.rows import packed, rows_of_condition
from kanbench.data.formula import Array, Formula, FormulaError
from kanbench.data.formula_task import Variable
from kanbench.data.grading import Grading
from kanbench.data.splits import MOST_NUMBERS, Conditions, Dataset, Shares, Split, SplitSizes
from kanbench.data.task import Task
from kanbench.errors import UnknownName, require_name, shown
from kanbench.files.stored_names import absent_as

TIME = "t"


@dataclass(frozen=True)
class Coefficient:
    """A number in an equation that is found together with u, from its start; `exact` is what it should become."""

    name: str
    start: float
    exact: float


@dataclass(frozen=True)
class EquationTask(Task):
    """A differential equation for u over a box, whose solution a model is to become.

    residual: what vanishes inside the domain.   conditions: what vanishes elsewhere.
    exact: the solution as a formula; or else `reference`, the name of a solver that knows it.
    coefficients: numbers in the residual that are unknown, which a condition inside the domain must determine.
    hard: the form that u has, if conditions are kept exactly and not by the loss.   form: what `hard` may be.
    renewal: what changes in the rounds of a training.

    Raises `ValueError` for whatever cannot be an equation with these conditions.
    """

    name: str
    residual: str
    variables: tuple[Variable, ...]
    conditions: tuple[Condition, ...] = ()
    exact: str = ""
    reference: str = ""
    coefficients: tuple[Coefficient, ...] = ()
    hard: HardForm | None = None
    renewal: Renewal = field(default=NOTHING, metadata=absent_as(NOTHING))
    same_as: str = ""
    source: str = ""
    note: str = ""
    smooth: bool | None = field(default=None, compare=False)
    heavy_tailed: bool = field(default=False, compare=False)
    form: HardForm | None = field(default=None, compare=False)
    splits: ClassVar[type] = SplitSizes

    def __post_init__(self) -> None:
        require_name("the name of a task", self.name)
        try:
            self._check_names()
            assert self.equation
            self._check_solution()
            self._check_coefficients()
            self._check_form()
            self._check_renewal()
        except FormulaError as error:
            raise FormulaError(f"task {self.name}: {error}") from error
        except ValueError as error:
            raise ValueError(f"task {self.name}: {error}") from error

    def _check_names(self) -> None:
        names = [*(each.name for each in self.variables), *(each.name for each in self.coefficients)]
        if not self.variables or len(set(names)) < len(names):
            raise ValueError(f"must have variables and coefficients whose names differ, got {shown(names)}")
        for name in names:
            if name == UNKNOWN or name.startswith(f"{UNKNOWN}_"):
                raise ValueError(f"{shown(name)} means the solution, so no variable can have this name")
        if any(variable.size > 1 for variable in self.variables):
            raise ValueError("variables must be [low, high]; an equation has no vectors")

    def _check_solution(self) -> None:
        if bool(self.exact) == bool(self.reference):
            raise ValueError("must have either exact, the solution as a formula, or reference, a solver, for the test")
        if self.exact:
            Formula(self.exact, self.equation.box.names)
        elif self.reference not in SOLVERS:
            raise UnknownName("reference", self.reference, SOLVERS)

    def _check_form(self) -> None:
        """Raise `ValueError` for a hard form that keeps none of the conditions, or leaves a network no say in u."""
        for form in (self.hard, self.form):
            if form is None:
                continue
            for part in form.expressions(self.equation.box):
                if part.orders:
                    raise ValueError(f"hard: the formula {shown(part.text)} must be of the variables alone, without u")
            form.require_free(self.equation.box)
            both = zip(self.conditions, self.equation.of_conditions, strict=True)
            if not any(form.keeps(each, expression, self.equation.box) for each, expression in both):
                raise ValueError(
                    "hard: no condition is kept; where one gives u, the factor must vanish and the boundary be u"
                )

    def _check_renewal(self) -> None:
        if self.renewal.causal and TIME not in self.equation.box.names:
            raise ValueError(f"causal weights need a variable {TIME}, the time")
        if self.renewal.balance is Balance.gradients and not self.trained.conditions:
            raise ValueError("balance=gradients needs a condition that is left to the loss")

    def _check_coefficients(self) -> None:
        for each in self.coefficients:
            if each.name not in self.equation.interior.used:
                raise ValueError(f"the residual {shown(self.residual)} does not contain the coefficient {each.name}")
        if self.coefficients and not any(each.where == INSIDE for each in self.conditions):
            raise ValueError(f"coefficients need a condition with where: {INSIDE}, which gives u there")

    @cached_property
    def equation(self) -> Equation:
        names = tuple(each.name for each in self.coefficients)
        return Equation(Box(self.variables), self.residual, self.conditions, names)

    @cached_property
    def trained(self) -> Equation:
        """The equation with the conditions that are left to the loss: all but those that its hard form keeps."""
        if self.hard is None:
            return self.equation
        whole, form = self.equation, self.hard
        both = zip(self.conditions, whole.of_conditions, strict=True)
        left = tuple(each for each, expression in both if not form.keeps(each, expression, whole.box))
        return replace(whole, conditions=left)

    @property
    def n_inputs(self) -> int:
        return len(self.variables)

    @property
    def grading(self) -> Grading:
        return Solution()

    @property
    def remark(self) -> str:  # type: ignore[override]
        """A warning where the conditions may be too few."""
        return self.equation.missing()

    def solution(self, points: Array) -> Array:
        """Evaluate the exact solution, or that of the reference solver, at points (n, D) of the domain -> (n,)."""
        if self.reference:
            return SOLVERS[self.reference](points)
        return Formula(self.exact, self.equation.box.names)(self.equation.box.values(points))

    def may_fail(self, conditions: Conditions) -> bool:
        return True

    def rows(self, sizes: SplitSizes | Shares) -> SplitSizes:
        """Return the numbers of all rows: those of the interior and of the conditions, and the points of the grid."""
        if isinstance(sizes, Shares):
            raise ValueError(f"task {self.name}: shares are of the rows of a table, and an equation has none")
        train, validation = (self._all_rows(interior) for interior in (sizes.train, sizes.validation))
        return SplitSizes(train, validation, self.equation.box.per_axis(sizes.test) ** self.n_inputs)

    def _all_rows(self, interior: int) -> int:
        other, box = rows_of_condition(interior), self.equation.box
        return interior + sum(other if each.free(box) else 1 for each in self.trained.conditions)

    def split(self, seed: int, sizes: SplitSizes | Shares, conditions: Conditions) -> Dataset:
        """Draw the rows of the equation and of its conditions, each from a stream of its own; the test is a grid.

        Training and validation have packed rows in the units of the equation, the test has points of the cube.

        Raises `ValueError` for noise and extrapolation, and for a solution that is zero or does not solve the equation.
        """
        self._refuse(conditions)
        rows = self.rows(sizes)
        if sum((rows.train, rows.validation, rows.test)) * self.n_inputs > MOST_NUMBERS:
            raise ValueError(f"task {self.name}: the rows are too many; at most {MOST_NUMBERS:,} numbers can be drawn")
        grid, u = _solved(self, sizes.test)
        train, validation = (self._draw(seed, purpose, getattr(sizes, purpose)) for purpose in ("train", "validation"))
        return Dataset(train, validation, Split(self.equation.box.unit(grid), u))

    def _refuse(self, conditions: Conditions) -> None:
        for name in ("noise", "extrapolation"):
            if getattr(conditions, name):
                raise ValueError(f"task {self.name}: an equation has no targets to disturb, so {name} must be 0")

    def _zero(self, points: Array) -> Array:
        """Evaluate the u of a network that is 0: 0, or the boundary of the hard form."""
        if self.hard is None:
            return np.zeros(len(points))
        value = self.hard.expressions(self.equation.box)[0](self.equation.box.values(points))
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (len(points),))

    def _draw(self, seed: int, purpose: str, interior: int) -> Split:
        """Return the packed rows of one split, and what a network that is 0 leaves of every residual there."""
        if interior < 1:
            raise ValueError(f"task {self.name}: {purpose} must be at least 1 row, got {interior}")
        blocks = draw_blocks(self.trained, self.name, seed, purpose, interior)
        left = self.trained.residuals(blocks, {each.name: each.start for each in self.coefficients}, self._zero)
        rows = self._packed(blocks)
        return Split(rows, rows[:, -1] * np.concatenate(left))

    def rows_of_round(self, seed: int, interior: int, number: int) -> Array:
        """Return the packed training rows of a round that draws new ones; those of round 0 are the training split."""
        return self._packed(draw_blocks(self.trained, self.name, seed, "train", interior, number))

    def _packed(self, blocks: list[Array]) -> Array:
        return packed(blocks[0], blocks[1:], [each.weight for each in self.trained.conditions])


@cache
def _solved(task: EquationTask, test: int) -> tuple[Array, Array]:
    """Return the test grid and u on it. Raises `ValueError` if u is not finite, is zero or is no solution."""
    grid = task.equation.box.grid(test)
    u, what = task.solution(grid), "exact" if task.exact else "reference"
    if not np.isfinite(u).all():
        raise ValueError(f"task {task.name}: {what} is not finite at {(~np.isfinite(u)).sum()} of {len(u)} points")
    if not np.abs(u).max() > 0:
        raise ValueError(f"task {task.name}: {what} is zero everywhere, and u = 0 must be no solution")
    try:
        task.equation.require_solution(task.solution, {each.name: each.exact for each in task.coefficients}, what)
    except ValueError as error:
        raise ValueError(f"task {task.name}: {error}") from error
    return grid, u
