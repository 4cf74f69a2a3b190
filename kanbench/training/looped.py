"""Ensembles of models that cannot be batched: members one after the other, by plain autograd."""

import warnings
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from kanbench.training.ensemble import Embedded, Ensemble, Inputs
from kanbench.training.losses import Loss

ROWS = 32  # whose derivatives are taken together
TRIED = 3  # members that are compared, on so many rows each
CLOSE = {torch.float64: 1e-6, torch.float32: 1e-3}


class LoopedEnsemble(Ensemble):
    """An ensemble whose members are evaluated one after the other.

    It takes whatever plain autograd takes, such as writes in place and functions with a derivative of their own. Rows
    must not depend on each other.
    """

    is_batched: ClassVar[bool] = False
    is_traceable: ClassVar[bool] = False

    def __init__(
        self, models: Sequence[nn.Module], loss: Loss | str = Loss.mse, *, example: Tensor | None = None
    ) -> None:
        super().__init__(models, loss, example=example)
        # Whether rows go backward at once. It is shared with copies, and empty until it was tried.
        self._backward_is_batched: list[bool] = []

    def predict(self, theta: Tensor, x: Inputs) -> Tensor:
        inputs = x.inputs if isinstance(x, Embedded) else x
        state = self.state(theta)
        members = [
            functional_call(self.skeleton, {name: of[m] for name, of in state.items()}, (each,))
            for m, each in enumerate(_given(inputs))
        ]
        return torch.stack(members).squeeze(-1)

    def gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> Tensor:
        return self.losses_and_gradients(theta, x, y)[1]

    @torch.enable_grad()
    def losses_and_gradients(self, theta: Tensor, x: Inputs, y: Tensor) -> tuple[Tensor, Tensor]:
        theta = theta.detach().requires_grad_()
        losses = self.losses(theta, x, y)
        return losses.detach(), torch.autograd.grad(losses.sum(), theta)[0]

    def jacobians(self, theta: Tensor, x: Inputs) -> Tensor:
        inputs = _given(x.inputs if isinstance(x, Embedded) else x)
        members = range(len(theta))
        return torch.stack([self._jacobian(torch.tensor([m], device=theta.device), theta, inputs) for m in members])

    @torch.enable_grad()
    def _jacobian(self, member: Tensor, theta: Tensor, x: Tensor) -> Tensor:
        """The Jacobian of one member, some rows at a time: (n_out * n, params), the rows of the first output first."""
        alone, row = self.only(member), theta[member].detach().requires_grad_()
        blocks = []
        for rows in torch.tensor_split(x[member], -(-x.shape[1] // ROWS), dim=1):
            outputs = alone.predict(row, rows).reshape(rows.shape[1], -1)
            blocks.append(self._rows_backward(outputs.flatten(), row).unflatten(0, outputs.shape))
        return torch.cat(blocks).transpose(0, 1).flatten(0, 1)

    def _rows_backward(self, outputs: Tensor, row: Tensor) -> Tensor:
        """The derivatives of outputs (n,) by the parameters of one member: (n, params)."""
        chosen = torch.eye(len(outputs), dtype=outputs.dtype, device=outputs.device)

        def together() -> Tensor:
            return torch.autograd.grad(outputs, row, chosen, retain_graph=True, is_grads_batched=True)[0].squeeze(1)

        if any(self._backward_is_batched):
            return together()
        each = [torch.autograd.grad(outputs, row, one, retain_graph=True)[0].squeeze(0) for one in chosen]
        alone = torch.stack(each)
        if not self._backward_is_batched:
            self._backward_is_batched.append(_works(lambda: _is_close(together(), alone)))
        return alone


def ensemble_of(
    models: Sequence[nn.Module],
    loss: Loss | str = Loss.mse,
    batched: type[Ensemble] = Ensemble,
    *,
    example: Tensor | None = None,
) -> Ensemble:
    """Return an ensemble of models, batched if they can be.

    Models with the attribute `is_foreign` are tried: predictions, gradients and Jacobians of three members must equal
    those of plain autograd. All others are batched.

    Args:
        models: The members.
        loss: What training minimizes.
        batched: The kind of ensemble where they can be batched.
        example: Inputs (n, n_in) that show which parameters reach the output, see `Ensemble`.
    """
    if not getattr(models[0], "is_foreign", False):
        return batched(models, loss) if example is None else batched(models, loss, example=example)
    some = [models[i % len(models)] for i in range(TRIED)]
    if _works(lambda: _agree(Ensemble(some), LoopedEnsemble(some), int(models[0].n_in))):  # type: ignore[arg-type]
        return batched(models, loss)
    return LoopedEnsemble(models, loss)


def _agree(batched: Ensemble, looped: LoopedEnsemble, n_in: int) -> bool:
    """Return whether two ensembles of the same models have the same predictions, gradients and Jacobians."""
    draws = torch.Generator().manual_seed(0)
    start = batched.start
    theta = start + 0.01 * torch.randn(start.shape, generator=draws, dtype=torch.float64).to(start)
    x = (2.0 * torch.rand(TRIED, TRIED + 1, n_in, generator=draws, dtype=torch.float64) - 1.0).to(start)
    if not _is_close(batched.predict(theta, x), looped.predict(theta, x)):
        return False
    y = torch.zeros_like(looped.predict(theta, x))
    return _is_close(batched.gradients(theta, x, y), looped.gradients(theta, x, y)) and _is_close(
        batched.jacobians(theta, x), looped.jacobians(theta, x)
    )


def _works(trial: Callable[[], bool]) -> bool:
    """Return what a trial returns, False if it raises; torch's remarks on slow batching are no matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return trial()
        except Exception:  # code from elsewhere under a transform may raise anything
            return False


def _is_close(a: Tensor, b: Tensor) -> bool:
    close = CLOSE.get(a.dtype, 1e-3)
    return torch.allclose(a, b, rtol=close, atol=close * float(b.detach().abs().max()), equal_nan=True)


def _given(inputs: Tensor | None) -> Tensor:
    assert inputs is not None
    return inputs
