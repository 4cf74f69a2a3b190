"""Networks for forms: their training, their errors, and what they carry along an input."""

import math

import numpy as np
from numpy.random import Generator as Draw

from kanbench.interpret.recovery.forms import Form
from kanbench.interpret.recovery.network import ProductNetwork, random_network, train_network
from kanbench.interpret.recovery.settings import Ladder
from kanbench.interpret.values import Array

MOST_DIRECTIONS = 3  # functions that an input may carry
RESOLVED = 1e-7  # an error that no network goes below, in spreads of the target
LEAST_DEGREE, MOST_DEGREE = 7, 40
TRIMMED = 0.95  # share of the validation rows that count in the choice of a network: those with the least errors


def trained(form: Form, ladder: Ladder, draw: Draw, starts: int, *, fine: bool = True) -> tuple[ProductNetwork, float]:
    """Return the best network of several starts for a form, and its validation error; `fine` allows a second
    training.
    """
    rows, mean, spread = form.rows, form.u.mean(), form.u.std()
    every = np.concatenate([rows.x, rows.x_val])
    bounds = every.min(axis=0), every.max(axis=0)
    target, target_val = (form.u - mean) / spread, (form.u_val - mean) / spread
    some = slice(None, ladder.rows)
    degrees = [degree_of(size, rows.n, form.products) for size in (ladder.coefficients, ladder.fine)]
    best, least = random_network(bounds, form.products, degrees[0], draw), math.inf
    for start in range(starts if form.products else 1):
        network = random_network(bounds, form.products, degrees[0], draw) if start else best
        for degree, steps in zip(degrees, (ladder.steps, 2 * ladder.steps), strict=True):
            network = train_network(network, rows.x[some], target[some], degree, steps)
            error = trimmed_error(target_val, network(rows.x_val))
            if error < least:
                best, least = network, error
            if not (fine and error < ladder.worth_refining):
                break
        if least < 10.0 * RESOLVED:
            break
    return best, least


def degree_of(coefficients: int, inputs: int, products: int) -> int:
    """Return the degree at which a network has about so many coefficients, within bounds."""
    return min(max(coefficients // (inputs * (1 + products)), LEAST_DEGREE), MOST_DEGREE)


def error_of(y: Array, found: Array) -> float:
    """Return the root mean square error in spreads of y; infinity if a value is not finite."""
    error = float(np.sqrt(np.mean((found - y) ** 2)) / y.std())
    return error if math.isfinite(error) else math.inf


def trimmed_error(y: Array, found: Array) -> float:
    """Return the error on the rows with the least ones, in spreads of y on these.

    A polynomial may be far off where there are few rows, and some functions of the output have heavy tails.
    """
    squares = (found - y) ** 2
    kept = np.argsort(squares)[: int(TRIMMED * len(y))]
    error = float(np.sqrt(squares[kept].mean()) / y[kept].std())
    return error if math.isfinite(error) else math.inf


def carried_functions(network: ProductNetwork, others: Array, i: int, grid: Array, least: float) -> Array:
    """Return centered functions of input i, (m, r), whose sums give all that the output does along this input.

    Which edge carries what is arbitrary: products may be mixed. These functions do not depend on it.
    """
    points = np.repeat(others[None], len(grid), axis=0)
    points[:, :, i] = grid[:, None]
    values = network(points)
    values = (values - values.mean(axis=0)) / math.sqrt(values.size)
    left, size, _ = np.linalg.svd(values, full_matrices=False)
    r = min(max(1, int((size > least).sum())), MOST_DIRECTIONS)
    return np.asarray(left[:, :r] * size[:r])
