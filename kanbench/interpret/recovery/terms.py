"""Sums of products of named functions: least squares, few terms, trained constants, and constants snapped."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import sympy
from scipy.optimize import least_squares

from kanbench.interpret.recovery.constants import number, simple_numbers
from kanbench.interpret.recovery.names import Named
from kanbench.interpret.values import Array

Term = tuple[int, ...]  # for each input the place of a function among those of the input, 0 for none

MOST_TERMS = 400
WORTH_TRAINING = 0.03  # largest relative error at which constants are trained
THRESHOLDS = 1e-2, 1e-3, 1e-4, 1e-6, 1e-8  # of terms that may go, in spreads of the target
ROUNDING = 1e-11  # an error that counts as rounding, relative to the spread of the target


@dataclass(frozen=True)
class Terms:
    """The function sum over terms of a coefficient and a product of named functions, at most one for each input."""

    names: tuple[tuple[Named, ...], ...]
    terms: tuple[Term, ...]
    coefficients: Array

    def columns(self, x: Array) -> Array:
        """Return the products at points: (rows, n) -> (rows, terms)."""
        values = [[np.ones(len(x)), *(named(x[:, i]) for named in of_input)] for i, of_input in enumerate(self.names)]
        return np.column_stack([math.prod(values[i][k] for i, k in enumerate(term)) for term in self.terms])

    def __call__(self, x: Array) -> Array:
        return np.asarray(self.columns(x) @ self.coefficients)

    def error(self, x: Array, y: Array) -> float:
        """Return the root mean square error, relative to the spread of y; infinity if a value is not finite."""
        error = float(np.sqrt(np.mean((self(x) - y) ** 2)) / y.std())
        return error if math.isfinite(error) else math.inf

    def expression(self, inputs: Sequence[sympy.Expr]) -> sympy.Expr:
        """Return the sum as an expression of its inputs."""
        named = [[sympy.S.One, *(each.expression(x) for each in of)] for of, x in zip(self.names, inputs, strict=True)]
        products = [sympy.Mul(*(named[i][k] for i, k in enumerate(term))) for term in self.terms]
        return sympy.Add(*(number(c) * each for c, each in zip(self.coefficients.tolist(), products, strict=True)))

    def refitted(self, x: Array, y: Array, terms: Sequence[Term] | None = None) -> "Terms":
        """Return the sum with the coefficients that are best on rows x, y, of some of the terms."""
        chosen = replace(self, terms=self.terms if terms is None else tuple(terms))
        columns = chosen.columns(x)
        if not np.isfinite(columns).all():
            return replace(chosen, coefficients=np.full(len(chosen.terms), np.nan))
        size = np.linalg.norm(columns, axis=0)
        size = np.where(size > 0, size, 1.0)
        return replace(chosen, coefficients=np.linalg.lstsq(columns / size, y, rcond=1e-14)[0] / size)


def fit_terms(names: Sequence[Sequence[Named]], x: Array, y: Array) -> Terms | None:
    """Return the sum of few products of named functions that is nearest to rows x (rows, n), y (rows,).

    All products are fitted; those that matter little go; the inner constants are trained; and again.
    """
    counts = [len(of_input) + 1 for of_input in names]
    if math.prod(counts) > MOST_TERMS:
        return None
    terms = tuple(product(*map(range, counts)))
    full = Terms(tuple(map(tuple, names)), terms, np.zeros(len(terms))).refitted(x, y)
    if not full.error(x, y) <= WORTH_TRAINING:
        return None
    few = _trained(_fewer(full, x, y), x, y)
    return _fewer(few, x, y)


def _fewer(full: Terms, x: Array, y: Array) -> Terms:
    """Leave out the terms that hardly matter, then single ones, as long as the error stays what it is."""
    allowed = max(2.0 * full.error(x, y), ROUNDING)
    for threshold in THRESHOLDS:
        some = full
        while True:
            moves = np.abs(some.coefficients) * some.columns(x).std(axis=0)
            kept = [t for t, moved in zip(some.terms, moves, strict=True) if moved > threshold * y.std() or not any(t)]
            if len(kept) == len(some.terms):
                break
            some = some.refitted(x, y, kept)
        if some.error(x, y) <= allowed:
            return _without_single_terms(some, x, y, allowed)
    return full


def _without_single_terms(terms: Terms, x: Array, y: Array, allowed: float) -> Terms:
    moves = np.abs(terms.coefficients) * np.sqrt((terms.columns(x) ** 2).mean(axis=0))
    for term in [terms.terms[i] for i in np.argsort(moves)]:
        fewer = [other for other in terms.terms if other != term]
        if fewer and (less := terms.refitted(x, y, fewer)).error(x, y) <= allowed:
            terms = less
    return terms


def _free(terms: Terms) -> list[tuple[int, int, int]]:
    """Return the inner constants that are no plain 0 or 1, as (input, place of the function, 0 for a and 1 for b)."""
    used = {(i, k - 1) for term in terms.terms for i, k in enumerate(term) if k}
    return [
        (i, k, which)
        for i, k in sorted(used)
        for which, free in enumerate(terms.names[i][k].free)
        if free and not (abs(terms.names[i][k].a) == 1.0 and terms.names[i][k].b == 0.0)
    ]


def _with(terms: Terms, places: Sequence[tuple[int, int, int]], values: Sequence[float] | Array) -> Terms:
    names = [list(of_input) for of_input in terms.names]
    for (i, k, which), value in zip(places, values, strict=True):
        named = names[i][k]
        names[i][k] = replace(named, b=float(value)) if which else replace(named, a=float(value))
    return replace(terms, names=tuple(map(tuple, names)))


def _trained(terms: Terms, x: Array, y: Array) -> Terms:
    """Train the inner constants by Levenberg-Marquardt, each time with the best coefficients."""
    places = _free(terms)
    if not places:
        return terms
    start = np.array([(terms.names[i][k].a, terms.names[i][k].b)[which] for i, k, which in places])

    def residual(values: Array) -> Array:
        off = (_with(terms, places, values).refitted(x, y)(x) - y) / y.std()
        return np.where(np.isfinite(off), off, 1e3)

    found = least_squares(residual, start, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60 * len(start))
    trained = _with(terms, places, found.x).refitted(x, y)
    return trained if trained.error(x, y) < terms.error(x, y) else terms


def snap_constants(terms: Terms, x: Array, y: Array) -> Terms:
    """Replace constants by near simple ones, one at a time, where the error stays the same or is rounding.

    Simple are fractions with a denominator of at most 12, also times pi, 1/pi, or the root of 2 or pi. The inner
    constants come first, and every choice is followed by new coefficients.
    """
    allowed = max(2.0 * terms.error(x, y), ROUNDING)
    for place in _free(terms):
        i, k, which = place
        value = (terms.names[i][k].a, terms.names[i][k].b)[which]
        for near in simple_numbers(value):
            snapped = _with(terms, [place], [near]).refitted(x, y)
            if snapped.error(x, y) <= allowed:
                terms = snapped
                break
    for at, value in enumerate(terms.coefficients.tolist()):
        for near in simple_numbers(value):
            coefficients = terms.coefficients.copy()
            coefficients[at] = near
            if replace(terms, coefficients=coefficients).error(x, y) <= allowed:
                terms = replace(terms, coefficients=coefficients)
                break
    return terms
