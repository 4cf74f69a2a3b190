"""The three splits of a task for one seed: their sizes and their data."""

from dataclasses import dataclass

import numpy as np

from kanbench.data.formula import Array

LARGEST = 1e100  # of a number, so that squares and their sums stay finite
ROUNDING = 1e-12  # relative; a smaller range counts as rounding
MOST_ROWS = 10_000_000
MOST_NUMBERS = 50_000_000  # rows times inputs of the three splits: 0.4 GB
MOST_CONDITION = 1_000.0


@dataclass(frozen=True)
class Split:
    """Points x (n, n_inputs) on the cube [-1, 1]^n_inputs, with targets y in their own units, (n,) or (n, n_targets).

    For a table the cube is the range of the training rows, so rows of the other splits may lie outside it.
    """

    x: Array
    y: Array


@dataclass(frozen=True)
class SplitSizes:
    """The number of rows of each split."""

    train: int = 1_000
    validation: int = 1_000
    test: int = 10_000

    def __post_init__(self) -> None:
        for name, rows in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            if not 0 <= rows <= MOST_ROWS:
                raise ValueError(f"{name}: must be at most {MOST_ROWS:,} rows, got {rows:,}")


@dataclass(frozen=True)
class Shares:
    """The splits of a table: each a share of its rows, if under 1, or a number of rows."""

    train: float = 0.6
    validation: float = 0.2
    test: float = 0.2

    def __post_init__(self) -> None:
        for name, value in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            if not (0 < value < 1 or (1 <= value <= MOST_ROWS and value == int(value))):
                raise ValueError(
                    f"{name}: must be a share of the rows between 0 and 1, or a number of them up to {MOST_ROWS:,}, "
                    f"got {value}"
                )

    @classmethod
    def from_sizes(cls, sizes: "SplitSizes | Shares") -> "Shares":
        """Convert numbers of rows to shares, which may be numbers of rows too."""
        return cls(sizes.train, sizes.validation, sizes.test)

    def of(self, rows: int) -> SplitSizes:
        """Return the sizes for a table of so many rows; shares that add up to 1 use every row.

        Raises `ValueError` if there are too few rows.
        """
        ends = np.cumsum([value if value >= 1 else value * rows for value in (self.test, self.validation, self.train)])
        test, validation, train = (int(n) for n in np.diff(np.round(ends, 6).round().astype(int), prepend=0))
        if ends[-1] > rows + 1e-6:
            raise ValueError(f"train, validation and test take {train + validation + test} of {rows} rows")
        if min(train, validation, test) < 2:
            raise ValueError(
                f"every split needs at least 2 rows; {rows} rows give {train}, {validation} and {test} "
                "for train, validation and test"
            )
        return SplitSizes(train, validation, test)


@dataclass(frozen=True)
class Conditions:
    """Conditions that make a task harder than its formula alone.

    noise: standard deviation of the normal noise on training targets, in units of their own; validation and test stay
    clean.   extrapolation: relative excess of the range of test points over that of training points; 0.2 is 20 %.
    """

    noise: float = 0.0
    extrapolation: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("noise", self.noise), ("extrapolation", self.extrapolation)):
            if not 0 <= value <= MOST_CONDITION:
                rule = f"must be a number that is not negative, at most {MOST_CONDITION:g}"
                raise ValueError(f"{name}: {rule}, got {value}")


CLEAN = Conditions()


@dataclass(frozen=True)
class Dataset:
    """The three splits of one task for one seed; the scale of the targets is fitted on the training split only."""

    train: Split
    validation: Split
    test: Split

    @property
    def y_mean(self) -> float:
        return float(self.train.y.mean())

    @property
    def y_std(self) -> float:
        return float(self.train.y.std())

    def standardize(self, y: Array) -> Array:
        return (y - self.train.y.mean(axis=0)) / self.train.y.std(axis=0)

    def restore(self, y: Array) -> Array:
        return y * self.train.y.std(axis=0) + self.train.y.mean(axis=0)
