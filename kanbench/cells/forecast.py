"""The expected time of a cell: a model of the arithmetic, and a short training that says how fast this machine is."""

import time

import torch

from kanbench.cells.cell import Cell
from kanbench.cells.execution import Execution
from kanbench.cells.searching import KEPT
from kanbench.cells.train import prepare
from kanbench.training import LevenbergMarquardt, Optimizer
from kanbench.training.jets import directions_of
from kanbench.training.optimizers.base import Converging
from kanbench.training.optimizers.batches import GradientDescent

# Seconds on one core, fitted to steps of the MLP, B-spline and Taylor KANs with 40 to 600 parameters (float64).
CALL = 8e-4  # of a step, whatever it computes
PER_NUMBER = 1.3e-8  # of the Jacobian, for its entries
PER_PRODUCT = 1e-11  # of J^T J
PER_CUBE = 2.7e-11  # of Cholesky
PER_GRADIENT = 3e-9  # of a gradient, for a row and a parameter
PER_DIRECTION = 0.4  # of a step, for every derivative of u that the jets of an equation carry beside u
PER_CELL = 0.1  # of sampling, building and grading
PER_LEFT_OUT = 0.01  # of writing the record of a task that a search leaves out
SAMPLE = 0.2  # seconds of a short training
MEDIAN_STEPS = 400  # after which half of the members of Levenberg-Marquardt have converged


def cost(cell: Cell, steps: float | None = None) -> float:
    """Estimate the seconds that one core takes for a cell, on a machine of moderate speed.

    Machines differ, so the values say how cells compare; `pace` says what a second is here. The number of parameters
    is taken to be the budget, and every member makes `steps` steps, by default those that are expected.
    """
    if not cell.method.is_trained:
        return PER_CELL
    if cell.search and not cell.search.number:
        return PER_LEFT_OUT
    made = expected_steps(cell.optimizer) if steps is None else steps
    return PER_CELL + _share(cell, made) * made * step_seconds(cell, cell.budget)


def _share(cell: Cell, steps: float) -> float:
    """Return the share of a training to the end that a cell is expected to take: most shapes of a search end early."""
    place = cell.search
    if not (place and place.first_steps):
        return 1.0
    rung = place.first_seeds / len(cell.seeds) * min(1.0, place.first_steps / steps)
    return rung + (1.0 - rung) / KEPT


def fewest_steps(optimizer: Optimizer) -> int:
    """Return the number of steps that few members end before: two windows, or a run and its first doubling."""
    if isinstance(optimizer, Converging) and optimizer.least_gain > 0.0:
        return min(optimizer.steps, 2 * optimizer.window)
    return sum(run.steps for run in optimizer.runs[:2])


def expected_steps(optimizer: Optimizer) -> float:
    """Return the number of steps that a member is expected to make."""
    converges = isinstance(optimizer, Converging) and optimizer.least_gain > 0.0
    return min(optimizer.steps, MEDIAN_STEPS) if converges else optimizer.most_steps


def step_seconds(cell: Cell, params: int) -> float:
    """Estimate the seconds of one step of all members of a cell, for models with `params` parameters."""
    return _of_regression(cell, params) * _derivatives(cell)


def _derivatives(cell: Cell) -> float:
    """Return how many times longer a step takes on an equation than on a regression of as many rows."""
    if (task := cell.equation) is None:
        return 1.0
    return 1.0 + PER_DIRECTION * (directions_of(task.equation.interior.orders, task.equation.box.names).n_rows - 1)


def _of_regression(cell: Cell, params: int) -> float:
    rows = cell.task.rows(cell.sizes).train
    if isinstance(cell.optimizer, LevenbergMarquardt):
        residuals = rows * cell.n_outputs
        smaller = min(params, residuals)
        products = PER_NUMBER * residuals * params + PER_PRODUCT * residuals * params * smaller
        return CALL + len(cell.members) * (products + PER_CUBE * smaller**3)
    batch = cell.optimizer.batch if isinstance(cell.optimizer, GradientDescent) else 0
    return CALL + len(cell.members) * PER_GRADIENT * (batch or rows) * params


def pace(cell: Cell, execution: Execution) -> float:
    """Measure the seconds of a core that a step takes here, over those that `step_seconds` expects.

    The members of the cell are trained on the CPU for a fraction of a second, and nothing of it is kept.

    Raises:
        ValueError: The task cannot be sampled, or no model has the size of the budget.
    """
    torch.set_num_threads(1)
    module, _, ((x, y), _) = prepare(cell, execution)
    optimizer, ensemble = cell.optimizer, module.ensemble
    state = optimizer.start(ensemble, module.best_theta, module.rates, module.orders)
    optimizer.advance(ensemble, state, x, y, 1)
    started, steps = time.process_time(), 0
    while not steps or (time.process_time() - started < SAMPLE and not state.done.any()):
        optimizer.advance(ensemble, state, x, y, 1)
        steps += 1
    return (time.process_time() - started) / steps / step_seconds(cell, state.theta.shape[1])
