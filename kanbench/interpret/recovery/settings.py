"""The settings of a recovery."""

from dataclasses import dataclass


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
