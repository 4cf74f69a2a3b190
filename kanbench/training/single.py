"""Training of plain modules: one, or several of one shape at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils import vector_to_parameters

from kanbench.errors import counted, require
from kanbench.models.edges import edge_layers, run_layers, sparsity_of
from kanbench.models.linear import require_dtype
from kanbench.training.best import Training, finite_instead
from kanbench.training.domain import warn_of_inputs_off_the_domain
from kanbench.training.ensemble import Embedded, Ensemble, Inputs
from kanbench.training.looped import ensemble_of
from kanbench.training.losses import Loss, loss_of
from kanbench.training.optimizers.base import Optimizer


@dataclass(frozen=True)
class Sparsity:
    """The penalty weight (L1 + entropy x entropy of shares), both of the edges, summed over layers.

    Source: Liu et al. 2024 (arXiv:2404.19756), eq. 2.20 with lambda = `weight`, mu_1 = 1 and mu_2 = `entropy`.
    """

    weight: float = 0.0
    entropy: float = 1.0

    def __post_init__(self) -> None:
        require(0.0 <= self.weight < torch.inf, "weight", "must not be negative", self.weight)
        require(0.0 <= self.entropy < torch.inf, "entropy", "must not be negative", self.entropy)


class SparseEnsemble(Ensemble):
    """An ensemble whose losses hold a sparsity penalty.

    Raises `ValueError` for members that are no sequences of layers with edges.
    """

    is_traceable: ClassVar[bool] = False

    def __init__(self, models: Sequence[nn.Module], penalty: Sparsity, loss: Loss | str = Loss.mse) -> None:
        require(isinstance(models[0], nn.Sequential), "model", "must be a sequence of layers", type(models[0]).__name__)
        super().__init__(models, loss)
        self.penalty = penalty
        self._member = _WithSparsity(cast(nn.Sequential, self.skeleton), penalty.entropy)

    def losses(self, theta: Tensor, x: Inputs, y: Tensor) -> Tensor:
        """The loss of each member plus its penalty: ..., y (members, n) or (members, n, n_out) -> (members,)."""
        inputs = x.inputs if isinstance(x, Embedded) else x  # features of the first layer do not tell its edges apart
        state = {f"model.{name}": of for name, of in self.state(theta).items()}
        outputs, penalties = vmap(lambda own, each: functional_call(self._member, own, (each,)))(state, inputs)
        return self.loss.of(outputs, y) + self.penalty.weight * penalties

    def jacobians(self, theta: Tensor, x: Inputs) -> Tensor:
        """Raises `ValueError`: these losses are no sums of squares."""
        raise ValueError("a sparsity penalty is no sum of squares: train with it by Adam or LBFGS")


class _WithSparsity(nn.Module):
    """A network whose forward is its outputs, (n,) or (n, n_out), and its sparsity: `functional_call` can set its
    parameters there."""

    def __init__(self, model: nn.Sequential, entropy: float) -> None:
        super().__init__()
        edge_layers(model)
        self.model, self.entropy = model, entropy

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        runs = run_layers(self.model, x)
        return runs[-1].outputs.squeeze(-1), sparsity_of(runs, self.entropy)


def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: Optimizer,
    *,
    loss: Loss | str = Loss.mse,
    sparsity: Sparsity | float = 0.0,
    seed: int = 0,
) -> float:
    """Train a model in place on x (n, n_in) and y; the loss that it reaches there, without the penalty.

    y is (n,) or (n, n_out), and the loss the mean squared error over rows and outputs. For `loss="cross_entropy"` y
    holds the class of each row as a whole number, (n,), and the model has a logit for each class.

    `sparsity` times (L1 + entropy) of the edges is added to what is minimized. `seed` orders the rows of mini-batches.
    An optimizer with several learning rates trains a copy with each, at once; the model becomes the best of them.

    Parameters that require no gradient, or never reach the output, stay as they are. Where a training leaves the
    finite numbers, its best finite parameters are kept, and a warning says so. Another one tells of inputs off the
    domain of a KAN layer, as far as the start of the training shows them.

    Raises `ValueError` for samples that do not fit each other or the model, or are not finite, a model whose error is
    not finite from the start, a penalty or a cross-entropy beside Levenberg-Marquardt, or a penalty on layers without
    edges.
    """
    require(isinstance(x, Tensor), "x", "must be a tensor", type(x).__name__)
    require(isinstance(y, Tensor), "y", "must be a tensor", type(y).__name__)
    return train_all([model], x.unsqueeze(0), y.unsqueeze(0), optimizer, loss=loss, sparsity=sparsity, seed=seed)[0]


def train_all(
    models: Sequence[nn.Module],
    x: Tensor,
    y: Tensor,
    optimizer: Optimizer,
    *,
    loss: Loss | str = Loss.mse,
    sparsity: Sparsity | float = 0.0,
    seed: int = 0,
) -> list[float]:
    """`train` for models of one shape at once, each with data of its own: x (members, n, n_in), y (members, n, ..)."""
    loss = loss_of(loss)
    penalty = sparsity if isinstance(sparsity, Sparsity) else Sparsity(sparsity)
    members, n = x.shape[:2]
    require(isinstance(optimizer, Optimizer), "optimizer", "must be one of kanbench.training", optimizer)
    require(members == len(models), "x", f"must hold the data of {len(models)} models", members)
    require(y.shape[:2] == (members, n), "y", f"must have a value for each of {n} rows of x", y.shape[1:])
    y = _fitting(models[0], x, y, loss)
    warn_of_inputs_off_the_domain(models, x)
    copies = [model for model in models for _ in optimizer.trials]
    ensemble = (
        ensemble_of(copies, loss, example=x[0, :1]) if penalty.weight == 0.0 else SparseEnsemble(copies, penalty, loss)
    )
    training = Training(ensemble, x, y, optimizer, seed)
    theta = training.end()
    errors = training.errors(theta)
    failed = ~(errors.isfinite() & theta.isfinite().all(dim=1))
    if failed.any():
        theta[failed] = finite_instead(training, models, failed)
        errors = training.errors(theta)
    for model, row in zip(models, ensemble.parameters(theta), strict=True):
        parameters = dict(model.named_parameters())
        vector_to_parameters(row, [parameters[name] for name in ensemble.trained])
    return errors.tolist()


@torch.no_grad()
def _fitting(model: nn.Module, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """The targets as the loss takes them: (members, n) of one output or of classes, else (members, n, n_out).

    Raises `ValueError` unless x (members, n, n_in) and y are numbers that the model can be trained on.
    """
    require(x.ndim == 3, "x", "must be a matrix for each model", x.shape)
    require(x.shape[1] >= 1, "x", "must have at least one row", x.shape[1])
    for name, data in (("x", x), ("y", y)):
        require(bool(data.isfinite().all()), name, "must be finite", "NaN or infinity")
    require_dtype(model, x)
    for module in model.modules():
        changes = isinstance(module, (_DropoutNd, _BatchNorm)) and module.training
        require(not changes, "model", "must do the same at every call; model.eval() lets it", type(module).__name__)
    of_classes = loss is Loss.cross_entropy
    require(of_classes or y.dtype == x.dtype, "y", f"must be {x.dtype}, as x is", y.dtype)
    try:
        outputs = model(x[0, :1]).shape[1:]
    except RuntimeError as error:
        raise ValueError(f"x must have the columns that the model takes, got {x.shape[2]}") from error
    require(len(outputs) == 1, "model", "must have a row of outputs for each row of x", tuple(outputs))
    n_out = outputs[0]
    if of_classes:
        return _classes(y, n_out)
    columns = y.shape[2:] or (1,)
    rule = f"must have a column for each of the {counted(n_out, 'output')} of the model"
    require(columns == (n_out,), "y", rule, tuple(columns))
    return y.reshape(y.shape[:2]) if n_out == 1 else y


def _classes(y: Tensor, n_classes: int) -> Tensor:
    """Indices of classes (members, n). Raises `ValueError` unless the model has a logit for each."""
    require(n_classes >= 2, "model", "must have an output for each class", n_classes)
    require(y.ndim == 2, "y", "must hold one class for each row of x", tuple(y.shape[1:]))
    rule = f"must hold classes as whole numbers from 0 to {n_classes - 1}, one for each output of the model"
    require(not (y.is_floating_point() or y.is_complex()), "y", rule, y.dtype)
    require(bool(((y >= 0) & (y < n_classes)).all()), "y", rule, f"{y.min().item()} to {y.max().item()}")
    return y
