"""An ensemble whose predictions are the residuals of a differential equation."""

import warnings
from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from kanbench.errors import counted, require
from kanbench.models import extend_all
from kanbench.models.activations import roughest
from kanbench.training.architecture import Named
from kanbench.training.ensemble import Ensemble, Inputs
from kanbench.training.jet_stages import JetStage, KeptJets, jet_stages_of
from kanbench.training.jets import Directions, directions_of
from kanbench.training.losses import Loss
from kanbench.training.nested import NestedJets
from kanbench.training.residual import Problem
from kanbench.training.residual_rows import EmbeddedRows, embedded_rows
from kanbench.training.residual_values import partials, pull_solution, residuals, solution_jets

PROBES = 8  # points at which derivatives of a model from elsewhere are tried


class ResidualEnsemble(Ensemble):
    """Members that are to solve a differential equation: every optimizer trains them to residuals of zero.

    `predict` returns the residuals of all rows, each times its factor, so that the mean of squares is the loss of the
    `Problem`; targets are zeros. Theta of a member holds its network and then the unknown coefficients of the equation.

    Jets go forward through the layers of KANs and MLPs, and derivatives come back, in closed form. A network with
    other parts is differentiated by nested reverse mode, and a warning says so.

    Args:
        models: networks (n, variables) -> (n, 1) of one architecture; each input is scaled to [-1, 1].
        problem: the equation.

    Raises:
        ValueError: for networks that have fewer continuous derivatives than the equation, and as `Ensemble` does.
    """

    is_traceable: ClassVar[bool] = False

    def __init__(self, models: Sequence[nn.Module], problem: Problem) -> None:
        self.along: Directions = directions_of(problem.orders, problem.variables)
        smoothness, name = roughest(models[0])
        needed = f"must have {counted(self.along.order, 'continuous derivative')} for this equation, and {name} has"
        require(smoothness >= self.along.order, "model", needed, smoothness)
        super().__init__(models, Loss.mse)
        self.problem, self._network_params = problem, self.start.shape[1]
        self.stages: list[JetStage] | None = jet_stages_of(self, self.along)
        starts = self.start.new_tensor(problem.coefficients).expand(len(models), -1)
        self.start = torch.cat([self.start, starts], dim=1)
        if self.stages is None:
            self._require_derivatives(type(models[0]).__name__)
            warnings.warn(
                f"derivatives of {type(models[0]).__name__} are taken by nested reverse mode, several times slower "
                "than the closed forms of KANs and MLPs",
                stacklevel=2,
            )

    def _require_derivatives(self, name: str) -> None:
        """Raise `ValueError` for a model whose derivatives cannot be taken, or of which the second ones are zero."""
        low, high = self.start.new_tensor(self.problem.domain).unbind(dim=1)
        shares = torch.linspace(0.1, 0.9, PROBES).outer(torch.arange(1.0, len(low) + 1)).to(low) % 1.0
        points = (low + shares * (high - low)).expand(len(self), -1, -1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # remarks of torch on slow batching
                jets = self._nested.jets(self.start, points).detach()
                self._nested.jacobians(self.start, points, torch.ones_like(jets))
        except Exception as error:  # code from elsewhere under a transform may raise anything
            rule = "must be one that torch.func can batch and differentiate for an equation"
            raise ValueError(f"model {rule}, and {name} fails: {error}") from error
        has_second = self.along.n_second == 0 or bool(jets[:, self.along.second].any())
        require(has_second, "model", "must have second derivatives that are not zero everywhere", name)

    def layers(self, theta: Tensor, *, are_parameters: bool = False) -> Iterator[tuple[nn.Module, Named, Named]]:
        return super().layers(theta[:, : self._network_params], are_parameters=are_parameters)

    def coefficients(self, theta: Tensor) -> Tensor:
        """Return the unknown numbers of the equation: (members, coefficients)."""
        return theta[:, self._network_params :]

    def extended(self, theta: Tensor, size: int) -> "ResidualEnsemble":
        larger = ResidualEnsemble(extend_all(self.members(theta), size), self.problem)
        larger.start[:, larger._network_params :] = self.coefficients(theta)
        return larger

    def embed(self, x: Tensor) -> EmbeddedRows:
        """Do once what needs no theta: (members, n, columns), packed as `residual_rows` says."""
        return embedded_rows(self.problem, self.along, x, self._keep_first if self.stages else None)

    @property
    def _nested(self) -> NestedJets:
        return NestedJets(self, self.along, self.problem.domain)

    def _keep_first(self, jets: Tensor) -> KeptJets:
        assert self.stages is not None
        _, _, buffers = next(self.layers(self.start.to(jets.device)))
        return self.stages[0].keep_features(jets, buffers)

    @torch.no_grad()
    def jets(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the jets of u at points (members, n, variables): (members, rows, n), see `along`."""
        filled = torch.cat([x, *[x] * self.problem.has_pairs, torch.zeros_like(x[..., :1]), x[..., :1]], dim=-1)
        rows = self.embed(filled)
        return solution_jets(self._network_jets(theta, rows)[0], rows, self.along)

    def solution(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return u at points: (members, n, variables) -> (members, n)."""
        return self.jets(theta, x)[:, 0]

    def predict(self, theta: Tensor, x: Inputs) -> Tensor:
        """Return all residuals times their factors: (members, params), (members, n, columns) -> (members, n)."""
        rows = self._rows(x)
        with torch.no_grad():
            jets = solution_jets(self._network_jets(theta, rows)[0], rows, self.along)
            return residuals(self.problem, self.along, rows, jets, self.coefficients(theta)) * rows.factors

    def gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> Tensor:
        return self.losses_and_gradients(theta, x, y)[1]

    @torch.no_grad()
    def losses_and_gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> tuple[Tensor, Tensor]:
        rows = self._rows(x)
        values, by_network, by_coefficients, kept = self._linearized(theta, rows)
        error = values - y
        weights = 2.0 / error.shape[1] * error
        blocks = self._slopes(theta, rows, by_network * rows.at_points(weights).unsqueeze(1), kept)
        if by_coefficients is not None:
            blocks = [*blocks, (weights.unsqueeze(1) @ by_coefficients).squeeze(1)]
        return error.square().mean(dim=1), torch.cat(blocks, dim=1)

    @torch.no_grad()
    def jacobians(self, theta: Tensor, x: Inputs) -> Tensor:
        """Derivatives of residuals by theta: (members, params), (members, n, columns) -> (members, n, params)."""
        rows = self._rows(x)
        _, by_network, by_coefficients, kept = self._linearized(theta, rows)
        n, points = rows.features.shape[1], rows.points.shape[1]
        jacobian = theta.new_empty(len(theta), self.n_params, points)
        self._write(theta, rows, by_network, kept, jacobian[:, : self._network_params])
        for block in rows.blocks:
            if block.partner is not None:
                jacobian[..., block.rows] += jacobian[..., block.partners]
        jacobian = jacobian[..., :n]
        if by_coefficients is not None:
            jacobian[:, self._network_params :] = by_coefficients.mT
        return jacobian.contiguous().mT

    def _rows(self, x: Inputs) -> EmbeddedRows:
        if isinstance(x, Tensor):
            return self.embed(x)
        assert isinstance(x, EmbeddedRows)
        return x

    def _linearized(self, theta: Tensor, rows: EmbeddedRows) -> tuple[Tensor, Tensor, Tensor | None, list[KeptJets]]:
        """Return residuals, their derivatives by the jets of the network and by coefficients, and what layers kept.

        All are times the factors of rows.
        """
        network, kept = self._network_jets(theta, rows, further=1)
        jets, coefficients = solution_jets(network, rows, self.along), self.coefficients(theta)
        values, by_jets, by_coefficients = partials(self.problem, self.along, rows, jets, coefficients)
        by_network = pull_solution(by_jets * rows.at_points(rows.factors).unsqueeze(1), rows, self.along)
        if by_coefficients is not None:
            by_coefficients = by_coefficients * rows.factors.unsqueeze(-1)
        return values * rows.factors, by_network, by_coefficients, kept

    def _network_jets(self, theta: Tensor, rows: EmbeddedRows, further: int = 0) -> tuple[Tensor, list[KeptJets]]:
        """Return the jets of the networks' outputs, and what the layers kept, with `further` derivatives of theirs."""
        if self.stages is None:
            return self._nested.jets(theta, rows.points).detach(), []
        kept: list[KeptJets] = []
        jets = torch.empty(0)
        for stage, (weight, bias) in zip(self.stages, self._matrices(theta), strict=True):
            if kept or rows.first is None:
                kept.append(stage.keep(jets, self.along.order + further))
            else:
                kept.append(rows.first)
            jets = stage.forward(kept[-1], weight, bias)
        return jets.squeeze(1), kept

    def _matrices(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        """The matrices and biases of all layers with parameters: (members, n_features, n_out), (members, n_out)."""
        for _, named, _ in self.layers(theta):
            if named:
                weight, *bias = named.values()
                yield weight.flatten(1, -2), bias[0] if bias else None

    def _adjoints(self, theta: Tensor, by_network: Tensor, kept: Sequence[KeptJets]) -> list[Tensor]:
        """Return the derivative of every residual by the jets of each layer's outputs."""
        assert self.stages is not None
        adjoints, matrices = [by_network.unsqueeze(1)], [weight for weight, _ in self._matrices(theta)]
        for stage, each, weight in reversed([*zip(self.stages[1:], kept[1:], matrices[1:], strict=True)]):
            adjoints.append(stage.pull(each, weight, adjoints[-1]))
        return adjoints[::-1]

    def _write(
        self, theta: Tensor, rows: EmbeddedRows, by_network: Tensor, kept: Sequence[KeptJets], out: Tensor
    ) -> None:
        """Write the derivatives by the parameters of the network: (members, params, points)."""
        if self.stages is None:
            out.copy_(self._nested.jacobians(theta, rows.points, by_network))
            return
        adjoints, matrices = self._adjoints(theta, by_network, kept), [*self._matrices(theta)]
        start = 0
        for stage, each, adjoint, (weight, bias) in zip(self.stages, kept, adjoints, matrices, strict=True):
            stop = start + weight[0].numel()
            stage.write(each, adjoint, out[:, start:stop].unflatten(1, weight.shape[1:]))
            if bias is not None:
                out[:, stop : stop + bias.shape[1]] = adjoint[:, :, 0]
                stop += bias.shape[1]
            start = stop

    def _slopes(self, theta: Tensor, rows: EmbeddedRows, by_network: Tensor, kept: Sequence[KeptJets]) -> list[Tensor]:
        """Return the derivatives of the sum over all points by the parameters of the network: (members, ..) each."""
        if self.stages is None:
            return [self._nested.slopes(theta, rows.points, by_network)[:, : self._network_params]]
        slopes = []
        adjoints, matrices = self._adjoints(theta, by_network, kept), [*self._matrices(theta)]
        for stage, each, adjoint, (_, bias) in zip(self.stages, kept, adjoints, matrices, strict=True):
            slopes.append(stage.slope(each, adjoint).flatten(1))
            slopes += [adjoint[:, :, 0].sum(dim=-1)] * (bias is not None)
        return slopes
