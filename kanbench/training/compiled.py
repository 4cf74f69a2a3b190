"""An ensemble whose gradients are compiled."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from kanbench.models import extend_all
from kanbench.training.ensemble import Embedded, Ensemble, Inputs
from kanbench.training.losses import Loss


class CompiledEnsemble(Ensemble):
    """The same members with gradients through torch.compile: for long trainings by Adam or SGD, equal to rounding.

    The first call with arguments of new shapes takes seconds, less where torch has the code in its cache on disk.
    Gradients are traced below Python first, because torch.compile cannot follow the transforms that batch members.
    """

    def __init__(self, models: Sequence[nn.Module], loss: Loss = Loss.mse, *, backend: str = "inductor") -> None:
        super().__init__(models, loss)
        self._backend = backend
        self._compiled: dict[object, Callable[..., Tensor]] = {}

    def gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> Tensor:
        wrap, data = (Embedded, x.features) if isinstance(x, Embedded) else (lambda inputs: inputs, x)
        shapes = isinstance(x, Embedded), theta.shape, data.shape, y.shape
        if shapes not in self._compiled:
            plain = super().gradients
            trace = make_fx(lambda theta, x, y: plain(theta, wrap(x), y))(theta, data, y)
            self._compiled[shapes] = torch.compile(trace, dynamic=False, backend=self._backend)
        return self._compiled[shapes](theta, data, y)

    def extended(self, theta: Tensor, size: int) -> "CompiledEnsemble":
        return CompiledEnsemble(extend_all(self.members(theta), size), self.loss, backend=self._backend)

    def only(self, which: Tensor) -> Ensemble:
        part = super().only(which)
        if part is not self:  # traces hold the buffers of their members
            assert isinstance(part, CompiledEnsemble)
            part._compiled = {}
        return part
