"""A KAN without automatic differentiation: B-splines, their slopes and all gradients in closed form, in NumPy.

Source: de Boor, "A Practical Guide to Splines" (1978), chapter X, for the recursions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def uniform_knots(n: int, degree: int) -> Array:
    """Return equally spaced knots for n functions on [-1, 1], with `degree` more on each side: (n + degree + 1,)."""
    step = 2.0 / (n - degree)
    return -1.0 + step * np.arange(-degree, n + 1, dtype=np.float64)


def basis(x: Array, knots: Array, degree: int) -> Array:
    """Evaluate B_i,p(x) by the Cox-de Boor recursion: (d,) -> (d, len(knots) - degree - 1)."""
    x = x[:, None]
    if degree == 0:
        return np.asarray((knots[:-1] <= x) & (x < knots[1:]), dtype=np.float64)
    lower = basis(x[:, 0], knots, degree - 1)
    rising = (x - knots[: -degree - 1]) / (knots[degree:-1] - knots[: -degree - 1])
    falling = (knots[degree + 1 :] - x) / (knots[degree + 1 :] - knots[1:-degree])
    return rising * lower[:, :-1] + falling * lower[:, 1:]


def slopes(x: Array, knots: Array, degree: int) -> Array:
    """Evaluate B'_i,p = p (B_i,p-1 / (t_i+p - t_i) - B_i+1,p-1 / (t_i+p+1 - t_i+1)): (d,) -> (d, n)."""
    lower = basis(x, knots, degree - 1)
    left, right = knots[degree:-1] - knots[: -degree - 1], knots[degree + 1 :] - knots[1:-degree]
    return degree * (lower[:, :-1] / left - lower[:, 1:] / right)


class HandKAN:
    """A KAN with y_j = sum_i sum_k w_ijk B_k(x_i) in every layer and tanh between layers, for one sample at a time.

    `weights` holds w of every layer, each (n_in, n_out, n), and is trained in place.
    """

    def __init__(self, weights: Sequence[Array], degree: int) -> None:
        self.weights, self.degree = list(weights), degree
        self.knots = uniform_knots(weights[0].shape[-1], degree)

    def inputs(self, x: Array) -> list[Array]:
        """Return the input of each layer for x (n_in,), and last the output of the network."""
        values = [x]
        for layer, w in enumerate(self.weights):
            y = np.einsum("ijk,ik->j", w, basis(values[-1], self.knots, self.degree))
            values.append(np.tanh(y) if layer < len(self.weights) - 1 else y)
        return values

    def gradients(self, x: Array, target: float) -> list[Array]:
        """Return dL/dw of every layer for L = (y - target)^2, by backpropagation from the last layer to the first:

        dL/dw_ijk = dL/dy_j B_k(x_i), dL/dx_i = sum_j dL/dy_j sum_k w_ijk B'_k(x_i), and tanh' = 1 - tanh^2.
        """
        *inputs, output = self.inputs(x)
        by_y = 2.0 * (output - target)
        found: list[Array] = []
        for w, z in zip(reversed(self.weights), reversed(inputs), strict=True):
            found.append(np.einsum("j,ik->ijk", by_y, basis(z, self.knots, self.degree)))
            by_y = np.einsum("j,ijk,ik->i", by_y, w, slopes(z, self.knots, self.degree)) * (1.0 - z**2)
        return found[::-1]

    def epoch(self, x: Array, y: Array, rate: float) -> None:
        """Take one step of gradient descent per sample, in order, on x (n, n_in) and y (n,)."""
        for sample, target in zip(x, y, strict=True):
            for w, gradient in zip(self.weights, self.gradients(sample, target), strict=True):
                w -= rate * gradient

    def loss(self, x: Array, y: Array) -> float:
        """Return the mean squared error."""
        return float(np.mean([(self.inputs(sample)[-1][0] - target) ** 2 for sample, target in zip(x, y, strict=True)]))
