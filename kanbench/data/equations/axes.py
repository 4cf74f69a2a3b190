"""One axis of a grid: its nodes, differentiation on them, and interpolation between them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from kanbench.data.formula import Array

Matrix = Any  # of scipy.sparse, whose types are not known


@dataclass(frozen=True)
class Axis:
    """Nodes in ascending order, (n,), and the matrices that map values there to derivatives there.

    A periodic axis leaves out its upper end, where values are those of the lower end.
    """

    nodes: Array
    first: Matrix
    second: Matrix
    low: float
    high: float
    is_periodic: bool = False
    is_spectral: bool = False

    def derivative(self, order: int) -> Matrix:
        """Return the matrix of a derivative of the order 0, 1 or 2."""
        return (sparse.eye_array(len(self.nodes), format="csr"), self.first, self.second)[order]

    def interpolation(self, at: Array) -> Array:
        """Return the matrix (points, n) that maps values at the nodes to values at points.

        Spectral axes take the polynomial or the trigonometric polynomial through all values, the others a cubic spline.
        """
        if not self.is_spectral:
            return _spline(self, at)
        return _trigonometric(self, at) if self.is_periodic else _barycentric(self, at)


def differences(low: float, high: float, n: int, from_low: bool = False) -> Axis:
    """Return an axis of n equidistant nodes with finite differences of the second order, which are one-sided at ends.

    With `from_low` the first derivative looks back only, as for a time that marches from its start (BDF2).
    """
    nodes, h = np.linspace(low, high, n), (high - low) / (n - 1)
    first = sparse.diags_array([-0.5, 0.5], offsets=[-1, 1], shape=(n, n)).tolil()
    if from_low:
        first = sparse.diags_array([0.5, -2.0, 1.5], offsets=[-2, -1, 0], shape=(n, n)).tolil()
        first[1, :2] = [-1.0, 1.0]
    first[0, :3], first[-1, -3:] = [-1.5, 2.0, -0.5], [0.5, -2.0, 1.5]
    second = sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)).tolil()
    second[0, :4], second[-1, -4:] = [2.0, -5.0, 4.0, -1.0], [-1.0, 4.0, -5.0, 2.0]
    return Axis(nodes, (first / h).tocsr(), (second / h**2).tocsr(), low, high)


def periodic_differences(low: float, high: float, n: int) -> Axis:
    """Return a periodic axis of n equidistant nodes with central differences of the second order."""
    nodes, h = low + (high - low) * np.arange(n) / n, (high - low) / n
    ahead = sparse.csr_array(np.roll(np.eye(n), 1, axis=1))
    second = ahead - 2.0 * sparse.eye_array(n) + ahead.T
    return Axis(nodes, ((ahead - ahead.T) / (2.0 * h)).tocsr(), (second / h**2).tocsr(), low, high, is_periodic=True)


def chebyshev(low: float, high: float, n: int) -> Axis:
    """Return an axis of n Chebyshev points with the derivatives of the polynomial through all values.

    Source: L. N. Trefethen, Spectral Methods in MATLAB (2000), chapter 6.
    """
    unit = -np.cos(np.pi * np.arange(n) / (n - 1))
    weights = _barycentric_weights(n)
    apart = unit[:, None] - unit + np.eye(n)
    first = weights / weights[:, None] / apart
    np.fill_diagonal(first, 0.0)
    np.fill_diagonal(first, -first.sum(axis=1))
    first *= 2.0 / (high - low)
    nodes = (low + high) / 2.0 + (high - low) / 2.0 * unit
    nodes[[0, -1]] = low, high
    return Axis(nodes, sparse.csr_array(first), sparse.csr_array(first @ first), low, high, is_spectral=True)


def fourier(low: float, high: float, n: int) -> Axis:
    """Return a periodic axis of n equidistant nodes with derivatives of the trigonometric polynomial through values.

    The number of nodes must be odd, so that no wave is its own mirror image.
    """
    waves = 2j * np.pi / (high - low) * np.fft.fftfreq(n, 1.0 / n)
    spectrum = np.fft.fft(np.eye(n), axis=0)
    first, second = (np.fft.ifft(waves[:, None] ** order * spectrum, axis=0).real for order in (1, 2))
    nodes = low + (high - low) * np.arange(n) / n
    return Axis(nodes, sparse.csr_array(first), sparse.csr_array(second), low, high, is_periodic=True, is_spectral=True)


def _spline(axis: Axis, at: Array) -> Array:
    from scipy.interpolate import make_interp_spline

    n = len(axis.nodes)
    if not axis.is_periodic:
        return make_interp_spline(axis.nodes, np.eye(n), k=min(3, n - 1))(at)
    closed = np.append(axis.nodes, axis.high)
    return make_interp_spline(closed, np.vstack([np.eye(n), np.eye(n)[0]]), k=3, bc_type="periodic")(at)


def _barycentric_weights(n: int) -> Array:
    weights = np.where(np.arange(n) % 2, -1.0, 1.0)
    weights[[0, -1]] /= 2.0
    return weights


def _barycentric(axis: Axis, at: Array) -> Array:
    apart = at[:, None] - axis.nodes
    hit = apart == 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = _barycentric_weights(len(axis.nodes)) / apart
        matrix = terms / terms.sum(axis=1, keepdims=True)
    rows = hit.any(axis=1)
    matrix[rows] = hit[rows]
    return np.asarray(matrix, dtype=np.float64)


def _trigonometric(axis: Axis, at: Array) -> Array:
    """Return the Dirichlet kernels of an odd number of nodes."""
    n = len(axis.nodes)
    angle = np.pi * (at[:, None] - axis.nodes) / (axis.high - axis.low)
    hit = np.abs(np.sin(angle)) < 1e-14
    return np.where(hit, 1.0, np.sin(n * angle) / (n * np.where(hit, 1.0, np.sin(angle))))
