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
from kanbench.interpret.recovery.network import ProductNetwork
from kanbench.interpret.recovery.quotients import quotients
from kanbench.interpret.recovery.settings import Ladder
from kanbench.interpret.recovery.terms import fit_terms, snap_constants
from kanbench.interpret.recovery.training import RESOLVED, carried_functions, error_of, trained
from kanbench.interpret.values import Array, evaluate

QUANTILES = np.linspace(0.01, 0.99, 150)  # of an input, at which its functions are named
OTHERS = 40  # rows at which the other inputs are held meanwhile


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

    Example:
        >>> import numpy as np
        >>> from kanbench.interpret import recover
        >>> x = np.random.default_rng(0).uniform(1.0, 2.0, (400, 2))
        >>> y = 2.0 * x[:, 0] / x[:, 1] ** 2
        >>> recover((x[:200], y[:200]), (x[200:], y[200:]), ["u", "v"]).expression
        2*u/v**2
    """
    ladder = Ladder() if ladder is None else ladder
    for x, y in (training, validation):
        _require_rows(x, y, len(names))
    rows = Rows(*training, *validation, tuple(symbols(names)))
    draw = np.random.default_rng(seed)
    mean = float(rows.y.mean())
    best = Recovered(sympy.Float(mean), error_of(rows.y_val, np.full_like(rows.y_val, mean)), "constant")
    for found in _climb(rows, ladder, draw):
        best = min(best, found, key=lambda each: each.error)
        if best.error < ladder.exact:
            break
    return best


def _require_rows(x: Array, y: Array, n: int) -> None:
    """Raise `ValueError` unless these are finite rows of n inputs that vary and of a target that varies."""
    require(x.shape == (len(y), n) and len(y) > 1, "rows", f"must be at least 2 of {n} inputs", x.shape)
    require(bool(np.isfinite(x).all() and np.isfinite(y).all()), "rows", "must be finite", "NaN or infinity")
    require(float(np.ptp(y)) > 0, "the target", "must vary", "one value")
    require(bool((np.ptp(x, axis=0) > 0).all()), "inputs", "must vary", "a column of one value")


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
        yield Recovered(form.outer.sympy(quotient), error_of(form.u_val, found), f"{form.outer.name} of a quotient")


def _best_joins(level: Sequence[Rows], outers: Sequence[Outer], ladder: Ladder, draw: Draw) -> list[Rows]:
    """Return the rows after those joins with which a first training with at most one product does best."""
    scored: list[tuple[float, Rows]] = []
    for joined in (joined for rows in level for joined in rows.all_joined()):
        forms = [Form(joined, outer, min(1, joined.n - 1)) for outer in outers]
        scored.append((min(trained(form, ladder, draw, 1, fine=False)[1] for form in forms), joined))
    scored.sort(key=lambda each: each[0])
    return [rows for _, rows in scored[: ladder.kept]]


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
