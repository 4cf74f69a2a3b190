"""A KAN of one hidden layer whose nodes multiply, trained by Levenberg-Marquardt in float64."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.random import Generator

from kanbench.interpret.values import Array

DAMPING, LARGEST_DAMPING = 1e-3, 1e10
GAIN = 1e-3  # relative; training ends after several steps in a row that gain less
PATIENCE = 5


@dataclass(frozen=True)
class ProductNetwork:
    """The function sum_i g_i(x_i) + sum_k prod_i f_ki(x_i), whose edges g and f are Chebyshev polynomials.

    Attributes:
        low, high: the range of each input, (n,), which the polynomials see as [-1, 1].
        additive: the coefficients (n, degree + 1) of g.
        factors: the coefficients (k, n, degree + 1) of f.

    Source: Liu et al. 2024 (arXiv:2408.10205), section 2, for nodes that multiply.
    """

    low: Array
    high: Array
    additive: Array
    factors: Array

    def basis(self, x: Array) -> Array:
        """Return the polynomials of every input: (..., n) -> (..., n, degree + 1)."""
        unit = 2.0 * (x - self.low) / (self.high - self.low) - 1.0
        return np.asarray(chebvander(unit, self.additive.shape[1] - 1))

    def __call__(self, x: Array) -> Array:
        """Evaluate at points: (..., n) -> (...)."""
        basis = self.basis(x)
        factors = np.einsum("...nd,knd->...kn", basis, self.factors)
        return np.asarray(np.einsum("...nd,nd->...", basis, self.additive) + factors.prod(axis=-1).sum(axis=-1))


def random_network(bounds: tuple[Array, Array], k: int, degree: int, draw: Generator) -> ProductNetwork:
    """Return a network with k products whose factors are random parabolas, and no sum yet."""
    low, high = bounds
    factors = 0.5 * draw.standard_normal((k, len(low), degree + 1)) * (np.arange(degree + 1) < 3)
    return ProductNetwork(low, high, np.zeros((len(low), degree + 1)), factors)


def train_network(start: ProductNetwork, x: Array, y: Array, degree: int, steps: int) -> ProductNetwork:
    """Train a network on rows x (rows, n), y (rows,), with polynomials of this degree, at least that of the start."""
    more = degree + 1 - start.additive.shape[1]
    start = replace(start, additive=_padded(start.additive, more), factors=_padded(start.factors, more))
    basis = start.basis(x)
    linear = np.column_stack([np.ones(len(x)), basis[:, :, 1:].reshape(len(x), -1)])
    factors = start.factors
    rest = y - np.einsum("rnd,knd->rkn", basis, factors).prod(axis=-1).sum(axis=-1)
    additive = np.linalg.lstsq(linear, rest, rcond=None)[0]
    if len(factors):
        additive, factors = _trained(basis, linear, y, additive, factors, steps)
    return _network(start, additive, factors)


def _padded(coefficients: Array, more: int) -> Array:
    return np.concatenate([coefficients, np.zeros((*coefficients.shape[:-1], more))], axis=-1)


def _network(network: ProductNetwork, linear: Array, factors: Array) -> ProductNetwork:
    n, d = network.additive.shape
    additive = np.concatenate([np.zeros((n, 1)), linear[1:].reshape(n, d - 1)], axis=1)
    additive[0, 0] = linear[0]
    return ProductNetwork(network.low, network.high, additive, factors)


def _trained(basis: Array, linear: Array, y: Array, a: Array, f: Array, steps: int) -> tuple[Array, Array]:
    """Return the trained coefficients of the linear part and of the factors."""
    damping, slow = DAMPING, 0
    residual, jacobian = _residual(basis, linear, y, a, f)
    loss = residual @ residual
    for _ in range(steps):
        normal, slope = jacobian.T @ jacobian, jacobian.T @ residual
        diagonal = normal.diagonal() + 1e-9 * normal.diagonal().max()
        while True:
            step = np.linalg.solve(normal + np.diag(damping * diagonal), slope)
            a_new, f_new = a + step[: len(a)], f + step[len(a) :].reshape(f.shape)
            new, new_jacobian = _residual(basis, linear, y, a_new, f_new)
            if new @ new < loss or damping > LARGEST_DAMPING:
                break
            damping *= 8.0
        if not new @ new < loss:
            break
        slow = slow + 1 if new @ new > (1.0 - GAIN) * loss else 0
        a, f, residual, jacobian, loss = a_new, f_new, new, new_jacobian, new @ new
        damping = max(damping / 5.0, 1e-12)
        if slow == PATIENCE:
            break
    return a, f


def _residual(basis: Array, linear: Array, y: Array, a: Array, f: Array) -> tuple[Array, Array]:
    """Return y less the output, (rows,), and the derivatives of the output by all coefficients."""
    values = np.einsum("rnd,knd->rkn", basis, f)
    left = np.cumprod(np.concatenate([np.ones_like(values[..., :1]), values[..., :-1]], axis=-1), axis=-1)
    right = np.cumprod(np.concatenate([np.ones_like(values[..., :1]), values[..., :0:-1]], axis=-1), axis=-1)
    others = left * right[..., ::-1]  # (rows, k, n): the product of the other factors
    by_factor = (others[..., None] * basis[:, None]).reshape(len(y), -1)
    output = linear @ a + values.prod(axis=-1).sum(axis=-1)
    return y - output, np.concatenate([linear, by_factor], axis=1)
