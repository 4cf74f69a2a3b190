"""The size of a basis in benchmarks: eight terms per edge, as the peers have at their defaults."""

from kanbench.bases import Basis

TERMS = 8


def eight_terms(kind: type[Basis]) -> Basis:
    """Return the basis of a kind with eight terms. Raises `StopIteration` for a kind that cannot have so many."""
    sized = (kind(**{kind.sized_by: size}) for size in range(TERMS, 0, -1))
    return next(basis for basis in sized if basis.n_terms == TERMS)
