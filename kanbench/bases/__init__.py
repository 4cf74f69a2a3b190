"""Families of univariate functions, one file per basis; `BASES` is the registry that configs, tests and docs read."""

from kanbench.bases.base import Basis
from kanbench.bases.bernstein import Bernstein
from kanbench.bases.bspline import BSpline
from kanbench.bases.chebyshev import Chebyshev
from kanbench.bases.fourier import Fourier
from kanbench.bases.free_knots import FreeKnots
from kanbench.bases.gaussian_derivative import GaussianDerivative
from kanbench.bases.gegenbauer import Gegenbauer
from kanbench.bases.hermite import Hermite
from kanbench.bases.jacobi import Jacobi
from kanbench.bases.legendre import Legendre
from kanbench.bases.mexican_hat import MexicanHat
from kanbench.bases.morlet import Morlet
from kanbench.bases.own import OwnBasis, load_basis
from kanbench.bases.rational import Rational
from kanbench.bases.rbf import RBF
from kanbench.bases.relu_bumps import ReLUBumps
from kanbench.bases.sine import Sine
from kanbench.bases.taylor import Taylor
from kanbench.files.registry import registered

BASES = registered("kanbench.bases", Basis)  # type: ignore[type-abstract]

__all__ = [
    "BASES",
    "RBF",
    "BSpline",
    "Basis",
    "Bernstein",
    "Chebyshev",
    "Fourier",
    "FreeKnots",
    "GaussianDerivative",
    "Gegenbauer",
    "Hermite",
    "Jacobi",
    "Legendre",
    "MexicanHat",
    "Morlet",
    "OwnBasis",
    "Rational",
    "ReLUBumps",
    "Sine",
    "Taylor",
    "load_basis",
]
