"""The subject of the checks of models from elsewhere: the models that a method builds, and what they make of rows."""

from copy import deepcopy
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor, nn

from kanbench.methods import NetworkMethod

ROWS = 16
WIDER = 4  # how much wider than the narrowest model the other one is, which must have more parameters


class ContractFault(ValueError):
    """A model breaks the contract; one sentence."""


class Subject:
    """A method at one number of inputs and outputs, and the models that the checks share."""

    def __init__(self, method: NetworkMethod, n_in: int, n_out: int, dtype: torch.dtype) -> None:
        self.n_in, self.n_out, self.dtype = n_in, n_out, dtype
        self.method = method if method.hidden is None else replace(method, hidden=None, depth=max(1, method.depth))

    @cached_property
    def nodes(self) -> int:
        """The least number of hidden nodes that builds."""
        return self.method.next_nodes(self.n_in, self.method.depth, self.n_out)

    @cached_property
    def more(self) -> int:
        """The number of hidden nodes of a wider model that builds."""
        return self.method.next_nodes(self.n_in, self.nodes + WIDER * self.method.depth, self.n_out)

    @property
    def widths(self) -> tuple[int, int]:
        """The widths of the first hidden layer of both."""
        few, many = (self.method.shape(self.n_in, nodes, self.n_out)[1] for nodes in (self.nodes, self.more))
        return few, many

    @cached_property
    def model(self) -> nn.Module:
        """The model of seed 0."""
        return self.build(0)

    @cached_property
    def moved(self) -> nn.Module:
        """The same model after a random step, away from special starts."""
        return stepped(self.model, 1)

    def build(self, seed: int) -> nn.Module:
        """Return the wider model of a seed."""
        generator = torch.Generator().manual_seed(seed)
        return self.method.build(self.n_in, self.more, generator, self.dtype, self.n_out)

    def rows(self, seed: int = 0, n: int = ROWS) -> Tensor:
        """Random inputs (n, n_in) in [-1, 1]."""
        draws = torch.Generator().manual_seed(seed)
        return (2.0 * torch.rand(n, self.n_in, generator=draws, dtype=torch.float64) - 1.0).to(self.dtype)

    @torch.no_grad()
    def outputs(self, model: nn.Module, x: Tensor) -> Tensor:
        """Evaluate a model. Raises `ContractFault` with the model's own error."""
        given = x.clone()
        try:
            output = model(given).detach()
        except Exception as error:
            hint = "; trainer.precision=single may suit it" if "dtype" in str(error) else ""
            raise ContractFault(
                f"its forward fails on inputs {tuple(x.shape)}: {self.method.said(error)}{hint}"
            ) from error
        if not torch.equal(given, x):
            raise ContractFault("its forward writes into its inputs, which are the data")
        return output


def stepped(model: nn.Module, seed: int, size: float = 0.1) -> nn.Module:
    """Return a copy of a model whose trained parameters have taken a random step. Raises `ContractFault`."""
    try:
        model = deepcopy(model)
    except Exception as error:
        raise ContractFault(f"it cannot be copied, as members are: {type(error).__name__}: {error}") from error
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in trained(model):
            step = torch.randn(parameter.shape, generator=draws, dtype=torch.float64).to(parameter)
            parameter.add_(size * (0.1 + parameter.abs()) * step)
    return model


def trained(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that are trained."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
