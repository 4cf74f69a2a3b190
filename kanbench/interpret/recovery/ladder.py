"""Recovery of a formula from rows alone: forms from simple to less simple, until one is exact on validation rows."""

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import sympy
from numpy.random import Generator as Draw

from kanbench.errors import require
from kanbench.interpret.parsing import symbols
from kanbench.interpret.recovery.forms import Form, Outer, Rows
from kanbench.interpret.recovery.names import Named, spanning_sets
from kanbench.interpret.recovery.network import ProductNetwork, random_network, train_network
from kanbench.interpret.recovery.quotients import quotients
from kanbench.interpret.recovery.terms import fit_terms, snap_constants
from kanbench.interpret.values import Array, evaluate

QUANTILES = np.linspace(0.01, 0.99, 150)  # of an input, at which its functions are named
OTHERS = 40  # rows at which the other inputs are held meanwhile
MOST_DIRECTIONS = 3  # functions that an input may carry
RESOLVED = 1e-7  # an error that no network goes below, in spreads of the target
LEAST_DEGREE, MOST_DEGREE = 7, 40
TRIMMED = 0.95  # share of the validation rows that count in the choice of a network: those with the least errors


@dataclass(frozen=True)
class Ladder:
    """The settings of `recover`, the same for every formula.

    Attributes:
        coefficients, fine: about so many has a network with no or few products in its first training, and in a second
            one that starts from the first.
        steps: the most Levenberg-Marquardt steps of the first training; twice as many of the second one.
        rows: the most rows of these trainings; the constants of a formula are fitted to all rows.
        starts: random starts of a network with products.
        products: the largest number of products.
        joins: the largest number of joins of two inputs.
        kept: joins that are followed further.
        likely: functions of the output that are followed from two products on, and with which joins are compared.
        sets: sets of names that are tried for a network.
        worth_refining, worth_naming: largest validation errors of networks that are trained a second time, and named.
        exact: the validation error below which a formula counts as exact.
    """

    coefficients: int = 64
    fine: int = 150
    steps: int = 20
    rows: int = 500
    starts: int = 2
    products: int = 3
    joins: int = 2
    kept: int = 2
    likely: int = 3
    sets: int = 12
    worth_refining: float = 0.4
    worth_naming: float = 1e-3
    exact: float = 1e-8


@dataclass(frozen=True)
class Recovered:
    """The formula that was found, its error on validation rows in spreads of the target, and its form in words."""

    expression: sympy.Expr
    error: float
    form: str


def recover(
    training: tuple[Array, Array],
    validation: tuple[Array, Array],
    names: Sequence[str],
    ladder: Ladder | None = None,
    *,
    seed: int = 0,
) -> Recovered:
    """Find a formula for rows.

    Every form is y = f(sum of products of functions of one input), or the same with two inputs joined by +, -, * or /.
    For each, a `ProductNetwork` is trained; if it is good on validation rows, its edges are named, the constants of the
    names trained, and simple constants snapped. The first formula that is exact on validation rows is returned, else
    the best one.

    Args:
        training, validation: rows x (rows, n) and y (rows,), in the units of the formula.
        names: the names of the inputs.
        ladder: the settings.
        seed: the seed of the random starts.

    Raises:
        ValueError: for rows that are not finite or do not fit the names, or a constant target.

    Source: the steps train, name, train the constants of Liu et al. 2024 (arXiv:2404.19756), section 2.5; nodes that
        multiply and joined inputs of Liu et al. 2024 (arXiv:2408.10205).
    """
    ladder = Ladder() if ladder is None else ladder
    for x, y in (training, validation):
        fits = x.ndim == 2 and x.shape == (len(y), len(names)) and len(y) > 1
        require(fits, "rows", f"must be at least 2 of {len(names)} inputs", x.shape)
        require(bool(np.isfinite(x).all() and np.isfinite(y).all()), "rows", "must be finite", "NaN or infinity")
    require(float(np.ptp(training[1])) > 0, "the target", "must vary", "one value")
    rows = Rows(*training, *validation, tuple(symbols(names)))
    draw = np.random.default_rng(seed)
    mean = float(rows.y.mean())
    best = Recovered(sympy.Float(mean), _error(rows.y_val, np.full_like(rows.y_val, mean)), "constant")
    for found in _climb(rows, ladder, draw):
        best = min(best, found, key=lambda each: each.error)
        if best.error < ladder.exact:
            break
    return best


def _climb(rows: Rows, ladder: Ladder, draw: Draw) -> Iterator[Recovered]:
    """Yield the formulas of all forms: those without joined inputs first, then of the joins that help most."""
    outers = rows.outers()
    order = yield from _without_joins(rows, outers, ladder, draw)
    likely = [outers[0], *(outer for outer in order if outer != outers[0])][: ladder.likely]
    level = [rows]
    for _ in range(min(ladder.joins, rows.n - 1)):
        level = _best_joins(level, likely, ladder, draw)
        for joined in level:
            yield from _without_joins(joined, likely, ladder, draw)


def _without_joins(
    rows: Rows, outers: Sequence[Outer], ladder: Ladder, draw: Draw
) -> Generator[Recovered, None, list[Outer]]:
    """Yield the formulas of more and more products; return the functions of the output, the best one first.

    From two products on, only the best ones are followed.
    """
    errors = dict.fromkeys(outers, math.inf)
    for products in range(ladder.products + 1 if rows.n > 1 else 1):
        followed = outers if products < 2 else sorted(outers, key=errors.__getitem__)[: ladder.likely]
        forms = [Form(rows, outer, products) for outer in followed]
        networks = [(form, *trained(form, ladder, draw, ladder.starts)) for form in forms]
        for form, network, error in sorted(networks, key=lambda each: each[2]):
            errors[form.outer] = min(errors[form.outer], error)
            if error < ladder.worth_naming:
                yield from _named(form, network, error, ladder, draw)
        if products == 1 and not rows.joins:
            for outer in outers:
                yield from _quotients(Form(rows, outer, 0))
    return sorted(outers, key=errors.__getitem__)


def _quotients(form: Form) -> Iterator[Recovered]:
    rows = form.rows
    for quotient in quotients(rows.x, form.u, rows.inputs):
        found = evaluate(quotient, [str(each) for each in rows.inputs], rows.x_val)
        yield Recovered(form.outer.sympy(quotient), _error(form.u_val, found), f"{form.outer.name} of a quotient")


def _best_joins(level: Sequence[Rows], outers: Sequence[Outer], ladder: Ladder, draw: Draw) -> list[Rows]:
    """Return the rows after those joins with which a first training with at most one product does best."""
    scored: list[tuple[float, Rows]] = []
    for joined in (joined for rows in level for joined in rows.all_joined()):
        forms = [Form(joined, outer, min(1, joined.n - 1)) for outer in outers]
        scored.append((min(trained(form, ladder, draw, 1, fine=False)[1] for form in forms), joined))
    scored.sort(key=lambda each: each[0])
    return [rows for _, rows in scored[: ladder.kept]]


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
            error = _trimmed_error(target_val, network(rows.x_val))
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


def _error(y: Array, found: Array) -> float:
    error = float(np.sqrt(np.mean((found - y) ** 2)) / y.std())
    return error if math.isfinite(error) else math.inf


def _trimmed_error(y: Array, found: Array) -> float:
    """Return the error on the rows with the least ones, in spreads of y on these.

    A polynomial may be far off where there are few rows, and some functions of the output have heavy tails.
    """
    squares = (found - y) ** 2
    kept = np.argsort(squares)[: int(TRIMMED * len(y))]
    error = float(np.sqrt(squares[kept].mean()) / y[kept].std())
    return error if math.isfinite(error) else math.inf


def _named(form: Form, network: ProductNetwork, error: float, ladder: Ladder, draw: Draw) -> Iterator[Recovered]:
    """Yield the formulas of the likeliest names of the edges, until one is exact."""
    rows = form.rows
    for deep in (False, True):
        for names in _likely_names(rows, network, error, ladder, draw, deep=deep):
            terms = fit_terms(names, rows.x, form.u)
            if terms is None:
                continue
            if exact := terms.error(rows.x, form.u) < ladder.exact:
                terms = snap_constants(terms, rows.x, form.u)
            expression = form.outer.sympy(terms.expression(rows.inputs))
            yield Recovered(expression, terms.error(rows.x_val, form.u_val), str(form))
            if exact:
                return


def _likely_names(
    rows: Rows, network: ProductNetwork, error: float, ladder: Ladder, draw: Draw, *, deep: bool
) -> list[list[tuple[Named, ...]]]:
    """Return choices of named functions for all inputs, the likeliest first."""
    floor = max(error, RESOLVED)
    sets = []
    for i in range(rows.n):
        grid = np.quantile(rows.x[:, i], QUANTILES)
        carried = carried_functions(network, rows.x[draw.integers(0, len(rows.x), OTHERS)], i, grid, 5.0 * floor)
        sets.append(spanning_sets(grid, carried, floor, deep=deep))
    choices = sorted(product(*sets), key=lambda choice: sum(score for score, _ in choice))
    return [[names for _, names in choice] for choice in choices[: ladder.sets]]


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
