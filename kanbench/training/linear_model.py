"""The linear model of an ensemble's predictions around theta: J, as products with it and as its Gram matrix."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import reduce
from itertools import chain
from typing import Self

import torch
from torch import Tensor

from kanbench.training.ensemble import Embedded, Ensemble, stacked
from kanbench.training.optimizers.gram import lower_gram, needs_one_by_one
from kanbench.training.stages import Kept, Stage, stages_of


class LinearModel(ABC):
    """Predictions near theta, for members with J (n, params): n counts the rows of each output.

    `predict` tries a theta, `keep` takes the last one on, and `linearize` makes J there. What is kept belongs to the
    members: `only` is the model of some of them.

    Attributes:
        system: (members, k, k) of which the lower triangle is meant: J^T J / n, or J J^T / n if `is_dual`.
    """

    system: Tensor

    def __init__(self, ensemble: Ensemble, x: Embedded, *, can_be_dual: bool) -> None:
        self.ensemble, self.x, self.can_be_dual = ensemble, x, can_be_dual
        self.n = 0  # of the residuals, known once something is predicted

    @abstractmethod
    def predict(self, theta: Tensor) -> Tensor:
        """Predict at theta (members, params): several outputs below each other, (members, n)."""

    @abstractmethod
    def keep(self, which: Tensor) -> None:
        """Take on the theta of the last prediction, for the members in the mask `which`."""

    @abstractmethod
    def linearize(self, theta: Tensor, which: Tensor) -> None:
        """Make J and the system of the members in the mask, at the theta that is kept."""

    @abstractmethod
    def along(self, step: Tensor) -> Tensor:
        """Return J step: (members, params) -> (members, n)."""

    @abstractmethod
    def slope(self, residual: Tensor) -> Tensor:
        """Return J^T residual: (members, n) -> (members, params)."""

    @abstractmethod
    def only(self, members: Tensor) -> Self:
        """Return the model of some members, by their indices."""

    @property
    def is_dual(self) -> bool:
        return self.can_be_dual and self.ensemble.n_params > self.n

    def _empty_system(self, like: Tensor) -> Tensor:
        """Return room for the system, column by column, as LAPACK has it."""
        size = self.n if self.is_dual else self.ensemble.n_params
        return like.new_empty(len(like), size, size).mT


class StoredModel(LinearModel):
    """The linear model of any ensemble, from its `jacobians`."""

    def predict(self, theta: Tensor) -> Tensor:
        predictions = stacked(self.ensemble.predict(theta, self.x))
        self.n = predictions.shape[1]
        return predictions

    def keep(self, which: Tensor) -> None:
        """Do nothing: J is made from theta alone."""

    def linearize(self, theta: Tensor, which: Tensor) -> None:
        members = torch.nonzero(which).squeeze(1)
        everyone = len(members) == len(theta)
        part, x = (theta, self.x) if everyone else (theta[members], self.x[members])
        jacobian = self.ensemble.only(members).jacobians(part, x)
        system = self._empty_system(part)
        lower_gram(jacobian if self.is_dual else jacobian.mT, system, scale=1.0 / self.n)
        if everyone:
            self.jacobian, self.system = jacobian, system
        else:
            self.jacobian[members], self.system[members] = jacobian, system

    def along(self, step: Tensor) -> Tensor:
        # Products with vectors as rows: batched BLAS is three times faster at them than with columns.
        return (step.unsqueeze(1) @ self.jacobian.mT).squeeze(1)

    def slope(self, residual: Tensor) -> Tensor:
        return (residual.unsqueeze(1) @ self.jacobian).squeeze(1)

    def only(self, members: Tensor) -> "StoredModel":
        part = StoredModel(self.ensemble.only(members), self.x[members], can_be_dual=self.can_be_dual)
        part.n, part.jacobian, part.system = self.n, self.jacobian[members], self.system[members]
        return part


class TracedModel(LinearModel):
    """The linear model of networks with one output whose layers are stages: J is never stored.

    The block of J of a layer is the product of its features with the derivative of the prediction by its outputs,
    its adjoint. Both are kept, and products with J follow from them. For its Gram matrix the J of a member, or of all
    at once where that is faster, is written into memory that is used again.
    """

    def __init__(self, ensemble: Ensemble, x: Embedded, stages: list[Stage], *, can_be_dual: bool) -> None:
        super().__init__(ensemble, x, can_be_dual=can_be_dual)
        self.stages = stages
        self._sizes = [size for stage in stages for size in stage.sizes]
        self.here: list[Kept] = []
        self.there: list[Kept | None] = [None] * len(stages)
        self.adjoints: list[Tensor] = []
        self._scratch = x.features.new_empty(0)

    def predict(self, theta: Tensor) -> Tensor:
        value = self.x.features
        for i, (stage, (weight, bias)) in enumerate(zip(self.stages, self._matrices(theta), strict=True)):
            kept = self.there[i] = stage.keep(value, self.there[i])
            value = _affine(kept.features, weight, bias)
        self.n = value.shape[2]
        return value.squeeze(1)

    def keep(self, which: Tensor) -> None:
        tried = [kept for kept in self.there if kept is not None]
        members = which.tolist()
        if all(members) or not self.here:
            self.there = [*self.here] or [None] * len(tried)
            self.here = tried
        elif any(members):
            for here, there in zip(self.here[1:], tried[1:], strict=True):
                here.take(there, torch.nonzero(which).squeeze(1))

    def linearize(self, theta: Tensor, which: Tensor) -> None:
        adjoints = [theta.new_ones(len(theta), 1, 1)]
        matrices = [weight for weight, _ in self._matrices(theta)]
        for stage, kept, weight in reversed([*zip(self.stages[1:], self.here[1:], matrices[1:], strict=True)]):
            adjoints.append(stage.pull(kept, weight, adjoints[-1]))
        self.adjoints = adjoints[::-1]
        if not hasattr(self, "system"):
            self.system = self._empty_system(theta)
        for members in self._parts(which):
            jacobian = self._jacobian(members)  # (part, params, n)
            lower_gram(jacobian.mT if self.is_dual else jacobian, system := self.system[members], scale=1.0 / self.n)
            if isinstance(members, Tensor):
                self.system[members] = system

    def along(self, step: Tensor) -> Tensor:
        of_layers = zip(self.here, self._matrices(step), self.adjoints, strict=True)
        changes = (_along(kept.features, adjoint, *matrices) for kept, matrices, adjoint in of_layers)
        return reduce(torch.add, changes)

    def slope(self, residual: Tensor) -> Tensor:
        residual = residual.unsqueeze(1)
        of_layers = zip(self.stages, self.here, self.adjoints, strict=True)
        slopes = (_slopes(kept.features, adjoint, residual, stage.has_bias) for stage, kept, adjoint in of_layers)
        return torch.cat([*chain.from_iterable(slopes)], dim=1)

    def only(self, members: Tensor) -> "TracedModel":
        part = linear_model(self.ensemble.only(members), self.x[members], can_be_dual=self.can_be_dual)
        assert isinstance(part, TracedModel)
        part.n, part.system = self.n, self.system[members]
        part.here = [part.stages[0].keep(part.x.features, None), *(kept[members] for kept in self.here[1:])]
        part.adjoints = [adjoint[members] for adjoint in self.adjoints]
        return part

    def _matrices(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        """The matrices and biases of all layers: (members, n_features, n_out), (members, n_out)."""
        pieces = iter(theta.split(self._sizes, dim=1))
        for stage in self.stages:
            weight = next(pieces).view(len(theta), stage.n_features, stage.n_out)
            yield weight, next(pieces) if stage.has_bias else None

    def _parts(self, which: Tensor) -> Iterator[slice | Tensor]:
        """The members whose J is made at once."""
        members = torch.nonzero(which).squeeze(1)
        if needs_one_by_one(self.x.features):
            yield from (slice(m, m + 1) for m in members.tolist())
        else:
            yield members if len(members) < len(which) else slice(None)

    def _jacobian(self, members: slice | Tensor) -> Tensor:
        """Write J of some members, one parameter after the other: (part, params, n)."""
        shape = (len(self.adjoints[0][members]), self.ensemble.n_params, self.n)
        if self._scratch.shape != shape:
            self._scratch = self.adjoints[0].new_empty(shape)
        blocks = iter(self._scratch.split(self._sizes, dim=1))
        for stage, kept, adjoint in zip(self.stages, self.here, self.adjoints, strict=True):
            block = next(blocks).view(shape[0], stage.n_features, stage.n_out, self.n)
            torch.mul(kept.features[members].unsqueeze(2), adjoint[members].unsqueeze(1), out=block)
            if stage.has_bias:
                next(blocks).copy_(adjoint[members])
        return self._scratch


def linear_model(ensemble: Ensemble, x: Embedded, *, one_output: bool = True, can_be_dual: bool = True) -> LinearModel:
    """Return the linear model that fits an ensemble.

    Args:
        ensemble: the members.
        x: their inputs, as `Ensemble.embed` gives them.
        one_output: whether the members have one output.
        can_be_dual: whether `system` may be the dual one, where parameters outnumber residuals.
    """
    stages = stages_of(ensemble, x.features) if one_output and ensemble.is_traceable else None
    if stages is None:
        return StoredModel(ensemble, x, can_be_dual=can_be_dual)
    return TracedModel(ensemble, x, stages, can_be_dual=can_be_dual)


def _affine(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return W^T features + bias for every member: (members, n_features, n) -> (members, n_out, n)."""
    return weight.mT @ features if bias is None else torch.baddbmm(bias.unsqueeze(2), weight.mT, features)


def _along(features: Tensor, adjoint: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return J v of a layer, with v as its matrix and bias: (members, n). The larger of both sides is summed first."""
    if features.shape[1] >= adjoint.shape[1]:
        return (_affine(features, weight, bias) * adjoint).sum(dim=1)
    along = ((weight @ adjoint) * features).sum(dim=1)
    return along if bias is None else along + (bias.unsqueeze(1) @ adjoint).squeeze(1)


def _slopes(features: Tensor, adjoint: Tensor, residual: Tensor, has_bias: bool) -> list[Tensor]:
    """Return J^T r of a layer, for r (members, 1, n): of its matrix and its bias, (members, ..)."""
    if features.shape[1] >= adjoint.shape[1]:
        weighted = adjoint * residual
        return [(weighted @ features.mT).mT.flatten(1)] + [weighted.sum(dim=2)] * has_bias
    # Products with vectors as rows: batched BLAS is three times faster at them than with columns.
    return [((features * residual) @ adjoint.mT).flatten(1)] + [(residual @ adjoint.mT).squeeze(1)] * has_bias
