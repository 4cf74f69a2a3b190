"""The rows of an equation: those of its interior and those of its conditions, packed into one array for training."""

from collections.abc import Sequence

import numpy as np

from kanbench.data.formula import Array

SHARE = 20  # interior rows for each row of a condition


def rows_of_condition(interior: int) -> int:
    """Return the number of rows of each condition for a number of interior rows: a twentieth of them."""
    return max(2, interior // SHARE)


def packed(interior: Array, conditions: Sequence[Array], weights: Sequence[float]) -> Array:
    """Return all rows of an equation in one array (n, columns), laid out as `kanbench.training.residual_rows` says.

    Args:
        interior: The rows of the equation, (rows, D).
        conditions: For each condition its rows, (rows, D), or (rows, 2 D) of pairs.
        weights: For each condition the factor of its mean square in the loss.
    """
    dimension, blocks = interior.shape[1], [interior, *conditions]
    n, has_pairs = sum(map(len, blocks)), any(block.shape[1] > dimension for block in blocks)
    rows = []
    for number, (block, weight) in enumerate(zip(blocks, (1.0, *weights), strict=True)):
        places = [block[:, :dimension], block[:, -dimension:]] if has_pairs else [block]
        factor = np.sqrt(weight * n / len(block))
        rows.append(np.column_stack([*places, np.full(len(block), number), np.full(len(block), factor)]))
    return np.concatenate(rows)
