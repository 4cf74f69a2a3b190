"""Jets through all layers of a network in closed form, and derivatives by its parameters on the way back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.training.ensemble import Ensemble
from kanbench.training.jet_stages import JetStage, KeptJets, jet_stages_of
from kanbench.training.jets import Directions, directions_of
from kanbench.training.residual import Problem

Matrices = Sequence[tuple[Tensor, Tensor | None]]  # (members, n_features, n_out) and (members, n_out) of each layer


@dataclass(frozen=True)
class JetPass:
    """The stages of a network for jets along some directions.

    Args:
        along: the directions.
        stages: the layers with parameters.
        blocks: the blocks of rows whose residuals need no other derivatives.
    """

    along: Directions
    stages: list[JetStage]
    blocks: tuple[int, ...]

    def jets(self, matrices: Matrices, first: KeptJets, further: int) -> tuple[Tensor, list[KeptJets]]:
        """Return the jets of outputs, and what stages kept, with `further` derivatives of theirs."""
        kept: list[KeptJets] = []
        jets = torch.empty(0)
        for stage, (weight, bias) in zip(self.stages, matrices, strict=True):
            kept.append(stage.keep(jets, self.along.order + further) if kept else first)
            jets = stage.forward(kept[-1], weight, bias)
        return jets.squeeze(1), kept

    def write(self, matrices: Matrices, by_network: Tensor, kept: Sequence[KeptJets], out: Tensor) -> None:
        """Write the derivatives at every point by the parameters of the network: (members, params, points)."""
        start = 0
        of_stages = zip(self.stages, kept, self._adjoints(matrices, by_network, kept), matrices, strict=True)
        for stage, each, adjoint, (weight, bias) in of_stages:
            stop = start + weight[0].numel()
            stage.write(each, adjoint, out[:, start:stop].unflatten(1, weight.shape[1:]))
            if bias is not None:
                out[:, stop : stop + bias.shape[1]] = adjoint[:, :, 0]
                stop += bias.shape[1]
            start = stop

    def slopes(self, matrices: Matrices, by_network: Tensor, kept: Sequence[KeptJets]) -> Tensor:
        """Return the derivatives of the sum over all points by the parameters of the network: (members, params)."""
        slopes = []
        of_stages = zip(self.stages, kept, self._adjoints(matrices, by_network, kept), matrices, strict=True)
        for stage, each, adjoint, (_, bias) in of_stages:
            slopes.append(stage.slope(each, adjoint).flatten(1))
            slopes += [adjoint[:, :, 0].sum(dim=-1)] * (bias is not None)
        return torch.cat(slopes, dim=1)

    def _adjoints(self, matrices: Matrices, by_network: Tensor, kept: Sequence[KeptJets]) -> list[Tensor]:
        """Return the derivative of every residual by the jets of each layer's outputs."""
        adjoints, weights = [by_network.unsqueeze(1)], [weight for weight, _ in matrices]
        for stage, each, weight in reversed([*zip(self.stages[1:], kept[1:], weights[1:], strict=True)]):
            adjoints.append(stage.pull(each, weight, adjoints[-1]))
        return adjoints[::-1]


def passes_of(ensemble: Ensemble, problem: Problem) -> list[JetPass]:
    """Return a pass for each order of derivatives that blocks of rows need, the highest order first.

    Rows of a condition for u itself then carry its value alone. Empty if a layer has no closed form.
    """
    of_blocks = [directions_of(each.orders, problem.variables).order for each in problem.residuals]
    found = []
    for order in sorted(set(of_blocks), reverse=True):
        blocks = tuple(index for index, of_block in enumerate(of_blocks) if of_block == order)
        along = directions_of(_names(problem, blocks), problem.variables)
        stages = jet_stages_of(ensemble, along)
        if stages is None:
            return []
        found.append(JetPass(along, stages, blocks))
    return found


def _names(problem: Problem, blocks: Iterable[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for index in blocks for name in problem.residuals[index].orders))
