"""Quotients of two sums of products of plain functions: the form that no sum of few products reaches."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import sympy

from kanbench.interpret.library import select
from kanbench.interpret.recovery.constants import number, simple_numbers
from kanbench.interpret.recovery.names import COSINE, Named
from kanbench.interpret.values import Array

PLAIN = tuple(Named(f, 1.0, 0.0) for f in (*select(["x", "x^2", "sqrt", "exp", "log", "sin"]).values(), COSINE))
MOST_INPUTS = 3  # with more there are too many choices of functions
NULL, EXACT = 1e-13, 1e-11  # of the least eigenvalue and singular value that count as 0, relative to the largest


def quotients(x: Array, u: Array, inputs: Sequence[sympy.Expr]) -> Iterator[sympy.Expr]:
    """Yield quotients P / Q that are u on all rows x (rows, n), u (rows,), as expressions of the inputs.

    P and Q are sums of products of at most one function of each input, the same function in both. The coefficients are
    a vector that P - u Q maps to zero.
    """
    n = x.shape[1]
    if n > MOST_INPUTS:
        return
    values = [[named(x[:, i]) for named in PLAIN] for i in range(n)]
    for chosen in product(range(len(PLAIN)), repeat=n):
        columns = [values[i][k] for i, k in enumerate(chosen)]
        if not all(np.isfinite(column).all() for column in columns):
            continue
        products = _products(columns)
        both = np.concatenate([products, -u[:, None] * products], axis=1)
        size = np.linalg.norm(both, axis=0)
        unit = both / size
        if np.linalg.eigvalsh(unit.T @ unit)[0] > NULL or not _is_null(unit):
            continue
        kept = _few(unit)
        vector = np.zeros(len(size))
        vector[kept] = np.linalg.svd(unit[:, kept])[2][-1] / size[kept]
        yield _expression(vector, [PLAIN[k].expression(z) for k, z in zip(chosen, inputs, strict=True)])


def _products(columns: Sequence[Array]) -> Array:
    """Return the products of all subsets of columns: (rows, 2^n), the longest last."""
    ones = np.ones_like(columns[0])
    factors = (
        [column if k else ones for column, k in zip(columns, place, strict=True)] for place in _places(len(columns))
    )
    return np.column_stack([np.prod(each, axis=0) for each in factors])


def _places(n: int) -> list[tuple[int, ...]]:
    """Return all subsets of n factors, the smallest first, each as 1 for those that it has and 0 for others."""
    return sorted(product((0, 1), repeat=n), key=sum)


def _is_null(unit: Array) -> bool:
    size = np.linalg.svd(unit, compute_uv=False)
    return bool(size[-1] < EXACT * size[0])


def _few(unit: Array) -> list[int]:
    """Return few columns that still have a combination that is zero; long products go first."""
    half = unit.shape[1] // 2
    kept = list(range(unit.shape[1]))
    for column in sorted(kept, key=lambda c: (c % half, c), reverse=True):
        fewer = [c for c in kept if c != column]
        if len(fewer) > 1 and _is_null(unit[:, fewer]):
            kept = fewer
    return kept


def _expression(vector: Array, functions: Sequence[sympy.Expr]) -> sympy.Expr:
    """Return P / Q; constants near simple ones become these, the largest one of Q is 1."""
    half = len(vector) // 2
    scaled = vector / vector[half:][np.abs(vector[half:]).argmax()]
    constants = [number(next(iter(simple_numbers(value)), value)) for value in scaled.tolist()]
    products = [
        sympy.Mul(*(f for f, k in zip(functions, place, strict=True) if k)) for place in _places(len(functions))
    ]
    above, below = (
        sympy.Add(*(c * each for c, each in zip(part, products, strict=True)))
        for part in (constants[:half], constants[half:])
    )
    return above / below
