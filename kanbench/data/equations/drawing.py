"""Rows of an equation as they are drawn: those of a round, and candidates of which the worst ones are likely chosen."""

import numpy as np

from kanbench.data.equations.equation import Equation
from kanbench.data.equations.rows import rows_of_condition
from kanbench.data.formula import Array
from kanbench.data.randomness import stream

CANDIDATES = 10  # for each row that is chosen
EVEN = 1.0  # the part of the chances that is alike for all candidates


def draw_blocks(equation: Equation, name: str, seed: int, purpose: str, interior: int, number: int = 0) -> list[Array]:
    """Return the rows of the equation and of every condition in a round, each from a stream of its own.

    Args:
        equation: The equation with the conditions that are trained.
        name: The name of its task.
        seed: The seed of the data.
        purpose: The split.
        interior: The number of rows of the equation; each condition has a twentieth of them.
        number: The round; 0 is the first one.
    """
    labels = [name, *(f"{name} condition {each}" for each in range(len(equation.conditions)))]
    generators = (_generator(seed, purpose, label, number) for label in labels)
    return equation.blocks(generators, interior, rows_of_condition(interior))


def draw_candidates(equation: Equation, name: str, seed: int, interior: int, number: int) -> Array:
    """Return ten times as many interior rows as a round has, from a stream of their own: (10 * interior, D)."""
    return equation.box.draw(_generator(seed, "train", f"{name} candidates", number), CANDIDATES * interior)


def choose_rows(residuals: Array, n: int, name: str, seed: int, number: int) -> Array:
    """Return the indices of n candidates, drawn without replacement by their `chances`.

    Each candidate waits for an exponential time over its chance, and the first n are chosen, which is the same as to
    draw one after the other. So every network of a seed draws with the same random numbers.

    Source: Efraimidis and Spirakis 2006, Weighted random sampling with a reservoir.
    """
    generator = _generator(seed, "train", f"{name} choice", number)
    times = generator.standard_exponential(len(residuals)) / chances(residuals)
    return np.sort(np.argsort(times, kind="stable")[:n])


def chances(residuals: Array) -> Array:
    """Return the chance of each candidate, |residual| / mean + 1 over the sum; one that is not finite counts as 0.

    Source: Wu et al. 2023 (arXiv:2207.10289), the method RAD with k = 1 and c = 1.
    """
    sizes = np.where(np.isfinite(residuals), np.abs(residuals), 0.0)
    sizes = sizes / max(float(sizes.max()), np.finfo(np.float64).tiny)
    weights = sizes / max(float(sizes.mean()), np.finfo(np.float64).tiny) + EVEN
    return np.asarray(weights / weights.sum())


def _generator(seed: int, purpose: str, label: str, number: int) -> np.random.Generator:
    return np.random.default_rng(stream(seed, purpose, f"{label} round {number}" if number else label))
