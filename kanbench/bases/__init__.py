"""Families of univariate functions. One file per basis; `BASES` is the registry that configs, tests and docs read."""

from kanbench.bases.base import Basis
from kanbench.bases.bspline import BSpline
from kanbench.bases.chebyshev import Chebyshev
from kanbench.bases.fourier import Fourier
from kanbench.bases.rbf import RBF
from kanbench.bases.taylor import Taylor

BASES: dict[str, type[Basis]] = {
    "bspline": BSpline,
    "chebyshev": Chebyshev,
    "fourier": Fourier,
    "rbf": RBF,
    "taylor": Taylor,
}

__all__ = ["BASES", "RBF", "BSpline", "Basis", "Chebyshev", "Fourier", "Taylor"]
