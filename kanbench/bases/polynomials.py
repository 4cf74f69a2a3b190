"""Polynomials defined by a three-term recurrence."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from kanbench.bases.termwise import TermwiseBasis
from kanbench.errors import require


@dataclass(frozen=True)
class Polynomials(TermwiseBasis):
    """Polynomials p_1 .. p_degree of one family, and p_0 = 1 if `constant` is set; the input is clamped to the domain.

    The recurrence is p_{n+1} = (a_n t + b_n) p_n - c_n p_{n-1}, with t = z unless `argument_scale` says otherwise. p_0
    is left out by default, because on every edge it repeats the bias of the layer.

    All families of one degree span the same functions, so they differ only in where a training starts and in how well
    conditioned it is.

    Args:
        degree: the highest degree, at least 1.
        constant: whether p_0 belongs to the family.
    """

    degree: int = 3
    constant: bool = False
    grows_by = "degree"
    sized_by = "degree"
    sizes = (3, 5, 8, 4, 6, 2, 7)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.degree >= 1, "degree", "must be at least 1", self.degree)

    @abstractmethod
    def recurrence(self, n: int) -> tuple[float, float, float]:
        """Return (a_n, b_n, c_n); c_0 is not used."""

    @property
    def argument_scale(self) -> float:
        """Ratio of the argument t of the polynomials to the unit coordinate z."""
        return 1.0

    @property
    def n_terms(self) -> int:
        return self.degree + self.constant

    def terms(self, z: Tensor) -> Tensor:
        rows, scales = self._rows(z, [None] * (self.degree + 1))
        terms = torch.stack(rows, dim=-2)
        return terms if set(scales) == {1.0} else terms * z.new_tensor(scales).unsqueeze(-1)

    def write_terms(self, z: Tensor, out: Tensor) -> None:
        rows, scales = self._rows(z, [None] * (not self.constant) + list(out.unbind(-2)))
        if self.constant:
            out[..., 0, :] = rows[0]
        if set(scales) != {1.0}:
            out.mul_(z.new_tensor(scales).unsqueeze(-1))

    def _rows(self, z: Tensor, out: Sequence[Tensor | None]) -> tuple[list[Tensor], list[float]]:
        """Evaluate the polynomials with one operation for each row, into `out` where it is given.

        The rows are q_n = p_n / s_n with s_{n+1} = -c_n s_{n-1}, so that the sum has no factors. They come with s_n.
        """
        scale = self.argument_scale
        t = z.clamp(-1.0, 1.0) if scale == 1.0 else z.clamp(-1.0, 1.0) * scale
        rows, scales = [torch.ones_like(t)], [1.0]
        for n in range(self.degree):
            a, b, c = self.recurrence(n)
            linear = t + b / a if b else t
            if n == 0 or c == 0.0:
                scales.append(scales[-1] * a)
                into = out[n + 1]
                rows.append(torch.mul(linear, rows[-1], out=into) if n or into is not None else linear)
            else:
                scales.append(-c * scales[-2])
                ratio = a * scales[-2] / scales[-1]
                rows.append(torch.addcmul(rows[-2], linear, rows[-1], value=ratio, out=out[n + 1]))
        first = 0 if self.constant else 1
        return rows[first:], scales[first:]

    def slopes(self, z: Tensor, terms: Tensor) -> Tensor:
        """Return the derivatives, which are polynomials of the family again; zero where z was clamped."""
        weights = torch.eye(self.n_terms, dtype=z.dtype, device=z.device)
        return self._combine(z, terms, weights)

    def combine(self, z: Tensor, terms: Tensor, weights: Tensor) -> Tensor:
        return self._combine(z, terms, weights)

    def derivatives(self, z: Tensor, order: int) -> list[Tensor]:
        """Multiply the terms by powers of the matrix of derivatives."""
        terms = self.terms(z)
        full = terms if self.constant else torch.cat([torch.ones_like(terms[..., :1, :]), terms], dim=-2)
        matrix = torch.as_tensor(_derivatives(self), dtype=z.dtype, device=z.device)
        powers = [torch.linalg.matrix_power(matrix, m)[-self.n_terms :] for m in range(1, order + 1)]
        inside = (z.abs() <= 1.0).to(z.dtype).unsqueeze(-2)
        return [terms, *(torch.cat(powers) @ (full * inside)).split(self.n_terms, dim=-2)] if powers else [terms]

    def _combine(self, z: Tensor, terms: Tensor, weights: Tensor) -> Tensor:
        """Multiply the weights, and not the terms, by the matrix of derivatives."""
        weights = weights @ torch.as_tensor(_derivatives(self), dtype=z.dtype, device=z.device)[-self.n_terms :]
        slopes = weights @ terms if self.constant else weights[..., 1:] @ terms + weights[..., :1]
        return slopes * (z.abs() <= 1.0).to(z.dtype).unsqueeze(-2)


@cache
def _derivatives(basis: Polynomials) -> np.ndarray:
    """Return the matrix D of dp_n/dz = sum_k D[n, k] p_k: the recurrence, differentiated and solved for t p_k."""
    size = basis.degree + 1
    a, b, c = np.transpose([basis.recurrence(n) for n in range(size)])
    times_t = (np.eye(size, k=1) - np.diag(b) + np.diag(c[1:], k=-1)) / a[:, np.newaxis]
    slopes = np.zeros((size, size))
    for n in range(basis.degree):
        slopes[n + 1] = a[n] * slopes[n] @ times_t + b[n] * slopes[n]
        slopes[n + 1, n] += a[n]
        if n > 0:
            slopes[n + 1] -= c[n] * slopes[n - 1]
    return slopes * basis.argument_scale
