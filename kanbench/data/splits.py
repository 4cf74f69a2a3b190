"""The three splits of a task for one seed, how large they are, and where their randomness comes from."""

import zlib
from dataclasses import dataclass

import numpy as np

from kanbench.data.formula import Array

LARGEST = 1e100  # of a number: the squares of smaller ones, and the sums of these, are finite
ROUNDING = 1e-12  # numbers whose range is less than this part of them differ by rounding
MOST_ROWS = 10_000_000
MOST_NUMBERS = 50_000_000  # rows times inputs of the three splits: 0.4 GB
MOST_CONDITION = 1_000.0
STREAMS = ("train", "validation", "test", "initialization", "order", "noise", "rows")


def stream(seed: int, purpose: str, label: str = "") -> np.random.SeedSequence:
    """An independent source of randomness for one purpose of one seed; `label` separates tasks.

    Purposes never share numbers, so a seed's data stay the same whatever the model draws.
    """
    return np.random.SeedSequence([seed, STREAMS.index(purpose), zlib.crc32(label.encode())])


@dataclass(frozen=True)
class Split:
    """Points on the unit cube, x (n, n_inputs) in [-1, 1], with targets y (n,) in their own units.

    Of a table the cube is the range of the training rows, and rows of the other splits may lie off it.
    """

    x: Array
    y: Array


@dataclass(frozen=True)
class SplitSizes:
    """Rows of each split."""

    train: int = 1_000
    validation: int = 1_000
    test: int = 10_000

    def __post_init__(self) -> None:
        for name, rows in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            if not 0 <= rows <= MOST_ROWS:
                raise ValueError(f"{name}: must be at most {MOST_ROWS:,} rows, got {rows:,}")


@dataclass(frozen=True)
class Shares:
    """Splits of a table: each a share of its rows, if under 1, or a number of rows."""

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
        """Numbers of rows are shares too."""
        return cls(sizes.train, sizes.validation, sizes.test)

    def of(self, rows: int) -> SplitSizes:
        """The sizes in a table of so many rows; shares that make 1 leave no row out.

        Raises `ValueError` if the rows do not suffice.
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
    """What makes a task harder than its formula.

    noise: of the training targets, normal, in units of their standard deviation; validation and test stay clean.
    extrapolation: by how much the range of the test points is wider than that of the training points; 0.2: 20 %.
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
        return (y - self.y_mean) / self.y_std

    def restore(self, y: Array) -> Array:
        return y * self.y_std + self.y_mean
