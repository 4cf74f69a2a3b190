"""Bases written term by term: one function of the family at all points."""

from abc import abstractmethod
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.forward_ad import _set_fwd_grad_enabled, unpack_dual
from torch.autograd.function import FunctionCtx

from kanbench.bases.base import Basis
from kanbench.bases.derivatives import by_autograd


class TermwiseBasis(Basis):
    """A basis given by `terms` and `slopes` on the unit domain [-1, 1].

    In memory the points of one term stand next to each other, and so do those of one input of a layer. So recurrences
    run over whole rows, and the matrix product that follows reads them as they are. Known slopes make the backward pass
    as cheap as the forward pass, whereas automatic differentiation would walk back through every step. A basis that is
    not worth this effort implements `expand` in torch operations instead.

    `write_terms`, `combine` and `derivatives` follow from these two. A basis may have a faster way, which
    Levenberg-Marquardt takes at every step. A subclass that changes the mathematics does not inherit it.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not {"terms", "slopes"}.isdisjoint(vars(cls)):
            for name in {"write_terms", "combine", "derivatives"} - set(vars(cls)):
                setattr(cls, name, vars(TermwiseBasis)[name])

    @abstractmethod
    def terms(self, z: Tensor) -> Tensor:
        """Evaluate the functions at z, in unit coordinates: (..., n) -> (..., n_terms, n)."""

    @abstractmethod
    def slopes(self, z: Tensor, terms: Tensor) -> Tensor:
        """Return the derivatives with respect to z, in the shape of `terms`, the values at z. They are differentiable
        again.
        """

    def pull(self, z: Tensor, terms: Tensor, gradient: Tensor) -> Tensor:
        """Return the derivative by z of a scalar whose derivative by the terms is `gradient`."""
        return (gradient * self.slopes(z, terms)).sum(dim=-2)

    def write_terms(self, z: Tensor, out: Tensor) -> None:
        """Write `terms` into `out`, where no derivative is taken."""
        out.copy_(self.terms(z))

    def combine(self, z: Tensor, terms: Tensor, weights: Tensor) -> Tensor:
        """Return the slopes of weighted sums of the functions.

        (..., n), (..., n_terms, n), (..., k, n_terms) -> (..., k, n): the derivative of weights @ terms by z.
        """
        return weights @ self.slopes(z, terms)

    def derivatives(self, z: Tensor, order: int) -> list[Tensor]:
        return by_autograd(self.terms, z, order)

    def expand(self, x: Tensor) -> Tensor:
        if x.dim() < 2:
            return self.expand(x.unsqueeze(0)).squeeze(0)
        points = self.to_unit(x).mT.contiguous()
        # A compiler fuses the terms, and their slopes, better than this can.
        terms = self.terms(points) if torch.compiler.is_compiling() else _Terms.apply(self, points)
        return terms.movedim(-1, -3)


class _Terms(Function):
    """Autograd function that evaluates `terms` and takes derivatives from `slopes`."""

    @staticmethod
    def forward(basis: TermwiseBasis, z: Tensor) -> Tensor:
        return basis.terms(z)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[TermwiseBasis, Tensor], output: Tensor) -> None:
        ctx.basis, z = inputs  # type: ignore[attr-defined]
        ctx.save_for_backward(z, output)
        ctx.save_for_forward(z, output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, ctx.basis.pull(*ctx.saved_tensors, gradient)

    @staticmethod
    def jvp(ctx: Any, _: None, tangent: Tensor) -> Tensor:
        # torch calls this with forward mode off, at outer levels too: there derivatives of the slopes would be zero.
        with _set_fwd_grad_enabled(True):
            z, terms, tangent = (unpack_dual(each).primal for each in (*ctx.saved_tensors, tangent))
            return ctx.basis.slopes(z, terms) * tangent.unsqueeze(-2)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[None, int], basis: TermwiseBasis, z: Tensor) -> tuple[Tensor, int]:
        return _Terms.apply(basis, z.movedim(in_dims[1], 0)), 0


# `apply` asks for the signature of `forward` at every call, and finding it out costs as much as a small basis.
_Terms.forward.__signature__ = signature(_Terms.forward)  # type: ignore[attr-defined]
