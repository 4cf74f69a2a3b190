"""An ensemble whose predictions are the residuals of a differential equation."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from kanbench.errors import counted, require
from kanbench.models import extend_all
from kanbench.models.activations import roughest
from kanbench.training.architecture import Named
from kanbench.training.ensemble import Ensemble, Inputs
from kanbench.training.jet_pass import JetPass, passes_of
from kanbench.training.jet_stages import JetStage, KeptJets, jet_stages_of
from kanbench.training.jets import Directions, directions_of
from kanbench.training.losses import Loss
from kanbench.training.nested import NestedJets
from kanbench.training.residual import Problem
from kanbench.training.residual_rows import EmbeddedRows, PartRows, kinds_of, part_rows, rows_in_parts
from kanbench.training.residual_values import partials, pull_solution, residuals, solution_jets

WORTH_A_PASS = 0.05  # the share of rows that need derivatives of a lower order
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
        self.passes = passes_of(self, problem)
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
        passes = self._passes(x)
        return rows_in_parts(self.problem, x, [(each.along, self._first(each), each.blocks) for each in passes])

    def _passes(self, x: Tensor) -> list[JetPass]:
        """Return the passes of rows: one for all blocks, unless blocks that need less are many."""
        if self.stages is None or len(self.passes) == 1:
            return [self._whole]
        less = torch.isin(kinds_of(x), x.new_tensor(self.passes[0].blocks, dtype=torch.long), invert=True)
        return self.passes if less.sum() >= WORTH_A_PASS * x.shape[1] else [self._whole]

    @property
    def _whole(self) -> JetPass:
        """The pass of all blocks together, with stages only where there is a closed form."""
        return JetPass(self.along, self.stages or [], tuple(range(len(self.problem.residuals))))

    def _first(self, each: JetPass) -> Callable[[Tensor], KeptJets] | None:
        return partial(self._keep_first, each.stages[0]) if each.stages else None

    @property
    def _nested(self) -> NestedJets:
        return NestedJets(self, self.along, self.problem.domain)

    def _keep_first(self, stage: JetStage, jets: Tensor) -> KeptJets:
        _, _, buffers = next(self.layers(self.start.to(jets.device)))
        return stage.keep_features(jets, buffers)

    @torch.no_grad()
    def jets(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the jets of u at points (members, n, variables): (members, rows, n), see `along`."""
        filled = torch.cat([x, *[x] * self.problem.has_pairs, torch.zeros_like(x[..., :1]), x[..., :1]], dim=-1)
        part = part_rows(self.problem, self.along, filled, self._first(self._whole))
        return solution_jets(self._network_jets(self._whole, theta, part)[0], part)

    def solution(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return u at points: (members, n, variables) -> (members, n)."""
        return self.jets(theta, x)[:, 0]

    def predict(self, theta: Tensor, x: Inputs) -> Tensor:
        """Return all residuals times their factors: (members, params), (members, n, columns) -> (members, n)."""
        rows, coefficients = self._rows(x), self.coefficients(theta)
        values = []
        with torch.no_grad():
            for part, each in self._parts(rows):
                jets = solution_jets(self._network_jets(each, theta, part)[0], part)
                values.append(residuals(self.problem, part, jets, coefficients) * part.factors)
        return rows.whole(values)

    def gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> Tensor:
        return self.losses_and_gradients(theta, x, y)[1]

    @torch.no_grad()
    def losses_and_gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> tuple[Tensor, Tensor]:
        rows, squares, slopes = self._rows(x), theta.new_zeros(len(theta)), torch.zeros_like(theta)
        for (part, each), of_part in zip(self._parts(rows), rows.split(y), strict=True):
            values, by_network, by_coefficients, kept = self._linearized(each, theta, part)
            error = values - of_part
            weights = 2.0 / y.shape[1] * error
            weighed = by_network * part.at_points(weights).unsqueeze(1)
            slopes[:, : self._network_params] += self._slopes(each, theta, part, weighed, kept)
            if by_coefficients is not None:
                slopes[:, self._network_params :] += (weights.unsqueeze(1) @ by_coefficients).squeeze(1)
            squares += error.square().sum(dim=1)
        return squares / y.shape[1], slopes

    @torch.no_grad()
    def jacobians(self, theta: Tensor, x: Inputs) -> Tensor:
        """Derivatives of residuals by theta: (members, params), (members, n, columns) -> (members, n, params)."""
        rows = self._rows(x)
        n, start, of_parts = rows.features.shape[1], 0, []
        jacobian = theta.new_empty(len(theta), self.n_params, rows.n_points)
        for part, each in self._parts(rows):
            stop = start + part.points.shape[1]
            of_parts.append(self._jacobian(each, theta, part, jacobian[..., start:stop]))
            start = stop
        if rows.n_points > n or rows.order is not None:
            return rows.whole([each.mT for each in of_parts]).mT.contiguous().mT
        return jacobian.mT

    def _jacobian(self, each: JetPass, theta: Tensor, part: PartRows, out: Tensor) -> Tensor:
        """Write the derivatives at all points of a part, and return those of its rows: (members, params, rows)."""
        _, by_network, by_coefficients, kept = self._linearized(each, theta, part)
        self._write(each, theta, part, by_network, kept, out[:, : self._network_params])
        of_rows = part.fold(out)
        if by_coefficients is not None:
            of_rows[:, self._network_params :] = by_coefficients.mT
        return of_rows

    def _rows(self, x: Inputs) -> EmbeddedRows:
        if isinstance(x, Tensor):
            return self.embed(x)
        assert isinstance(x, EmbeddedRows)
        return x

    def _parts(self, rows: EmbeddedRows) -> Iterator[tuple[PartRows, JetPass]]:
        """The parts of rows, each with the pass that embedded it."""
        for part in rows.parts:
            yield part, next((each for each in self.passes if each.along is part.along), self._whole)

    def _linearized(
        self, each: JetPass, theta: Tensor, part: PartRows
    ) -> tuple[Tensor, Tensor, Tensor | None, list[KeptJets]]:
        """Return residuals, their derivatives by the jets of the network and by coefficients, and what layers kept.

        All are times the factors of rows.
        """
        network, kept = self._network_jets(each, theta, part, further=1)
        jets = solution_jets(network, part)
        values, by_jets, by_coefficients = partials(self.problem, part, jets, self.coefficients(theta))
        by_network = pull_solution(by_jets * part.at_points(part.factors).unsqueeze(1), part)
        if by_coefficients is not None:
            by_coefficients = by_coefficients * part.factors.unsqueeze(-1)
        return values * part.factors, by_network, by_coefficients, kept

    def _network_jets(
        self, each: JetPass, theta: Tensor, part: PartRows, further: int = 0
    ) -> tuple[Tensor, list[KeptJets]]:
        """Return the jets of the networks' outputs, and what the layers kept, with `further` derivatives of theirs."""
        if part.first is None:
            return self._nested.jets(theta, part.points).detach(), []
        return each.jets(self._matrices(theta), part.first, further)

    def _matrices(self, theta: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        """The matrices and biases of all layers with parameters: (members, n_features, n_out), (members, n_out)."""
        found: list[tuple[Tensor, Tensor | None]] = []
        for _, named, _ in self.layers(theta):
            if named:
                weight, *bias = named.values()
                found.append((weight.flatten(1, -2), bias[0] if bias else None))
        return found

    def _write(
        self, each: JetPass, theta: Tensor, part: PartRows, by_network: Tensor, kept: Sequence[KeptJets], out: Tensor
    ) -> None:
        """Write the derivatives by the parameters of the network: (members, params, points)."""
        if part.first is None:
            out.copy_(self._nested.jacobians(theta, part.points, by_network))
        else:
            each.write(self._matrices(theta), by_network, kept, out)

    def _slopes(
        self, each: JetPass, theta: Tensor, part: PartRows, by_network: Tensor, kept: Sequence[KeptJets]
    ) -> Tensor:
        """Return the derivatives of the sum over all points by the parameters of the network: (members, params)."""
        if part.first is None:
            return self._nested.slopes(theta, part.points, by_network)[:, : self._network_params]
        return each.slopes(self._matrices(theta), by_network, kept)
