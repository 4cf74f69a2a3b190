"""Bases that are written as rows: one function of the family, or its slope, at every point."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from kanbench.bases.base import Basis


class Rows(NamedTuple):
    """Functions of a family, or their slopes, at points z of any shape; all others are zero there.

    Without `first` the rows are the whole family in order. With it, row r is function first + r, one that does not
    exist where that is negative or beyond the family.
    """

    rows: Tensor | Sequence[Tensor]  # (r, *z.shape)
    first: Tensor | None = None  # z.shape, whole numbers in the dtype of z


class TermwiseBasis(Basis):
    """A basis that is given by `terms` and `slopes` on the unit domain [-1, 1].

    One function at a time is how recurrences run fastest, and known slopes make the backward pass as cheap as the
    forward pass: automatic differentiation would walk back through every step. A basis that is not worth the effort
    implements `expand` in torch operations instead.
    """

    @abstractmethod
    def terms(self, z: Tensor) -> Rows:
        """The functions at z, in unit coordinates."""

    @abstractmethod
    def slopes(self, z: Tensor) -> Rows:
        """Their derivatives by z, in the same rows, by torch operations that can be differentiated again."""

    def expand(self, x: Tensor) -> Tensor:
        z = self.to_unit(x)
        if torch.compiler.is_compiling():  # a compiler fuses the rows, and their slopes, better than this can
            return _matrix(self.terms(z), z, self.n_terms, join=torch.stack)
        return _Expand.apply(self, z)


class _Expand(Function):
    """Rows to the matrix (..., n_terms), elementwise in z."""

    @staticmethod
    def forward(basis: TermwiseBasis, z: Tensor) -> Tensor:
        return _matrix(basis.terms(z), z, basis.n_terms)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[TermwiseBasis, Tensor], output: Tensor) -> None:
        ctx.basis, z = inputs  # type: ignore[attr-defined]
        ctx.save_for_backward(z)
        ctx.save_for_forward(z)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        rows, first = ctx.basis.slopes(*ctx.saved_tensors)
        if first is None:
            columns = gradient.unbind(-1)
        else:
            flat = torch.cat([gradient.reshape(-1), gradient.new_zeros(1)])
            columns = flat[_places(first, len(rows), ctx.basis.n_terms)].unbind(0)
        total = columns[0] * rows[0]
        for column, row in zip(columns[1:], rows[1:], strict=True):
            total = torch.addcmul(total, column, row)
        return None, total

    @staticmethod
    def jvp(ctx: Any, _: None, tangent: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return _matrix(ctx.basis.slopes(z), z, ctx.basis.n_terms) * tangent.unsqueeze(-1)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[None, int], basis: TermwiseBasis, z: Tensor) -> tuple[Tensor, int]:
        return _Expand.apply(basis, z.movedim(in_dims[1], 0)), 0


def _columns(rows: list[Tensor], dim: int) -> Tensor:
    """`torch.stack` along the last axis in a third of its time; without gradients."""
    matrix = rows[0].new_empty(*rows[0].shape, len(rows))
    for column, row in zip(matrix.unbind(dim), rows, strict=True):
        column.copy_(row)
    return matrix


# `apply` asks for the signature of `forward` at every call, and finding it out costs as much as a small basis.
_Expand.forward.__signature__ = signature(_Expand.forward)  # type: ignore[attr-defined]


def _matrix(terms: Rows, z: Tensor, n_terms: int, join: Callable[..., Tensor] = _columns) -> Tensor:
    """(*z.shape, n_terms)"""
    rows, first = terms
    if first is None:
        return join(list(rows), dim=-1)
    assert isinstance(rows, Tensor)
    n = z.numel() * n_terms
    flat = z.new_zeros(n + 1)
    flat.scatter_(0, _places(first, len(rows), n_terms).flatten(), rows.flatten())
    return flat[:n].view(*z.shape, n_terms)


def _places(first: Tensor, n_rows: int, n_terms: int) -> Tensor:
    """Where row r of every point stands in the flattened matrix; one past its end for what does not exist."""
    n, by_row = first.numel() * n_terms, (-1, *[1] * first.dim())
    start = torch.arange(0, n, n_terms, device=first.device).view(first.shape) + first.long()
    place = start + torch.arange(n_rows, device=first.device).view(by_row)
    column = first + torch.arange(n_rows, dtype=first.dtype, device=first.device).view(by_row)
    return place.masked_fill_((column < 0) | (column >= n_terms), n)
