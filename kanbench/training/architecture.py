"""The architecture that models of an ensemble share: their layers, and which of their tensors are trained."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from kanbench.errors import require
from kanbench.models.linear import FeatureLinear

Named = dict[str, Tensor]


def require_one_architecture(models: Sequence[nn.Module]) -> None:
    """Raises `ValueError` for models that differ in more than the values of their tensors.

    Plain attributes of classes from elsewhere are not compared.
    """
    first, *others = ([*_architecture(model)] for model in models)
    for m, other in enumerate(others, start=1):
        for ours, theirs in zip(first, other, strict=False):
            require(theirs == ours, f"model {m}", f"must be built as model 0 is, with {ours}", theirs)
        require(len(other) == len(first), f"model {m}", f"must have as many parts as model 0, {len(first)}", len(other))


def _architecture(model: nn.Module) -> Iterator[str]:
    """Every module and tensor in words."""
    for name, module in model.named_modules():
        kind = type(module)
        says_all = kind.__module__.split(".")[0] in ("kanbench", "torch")  # others may print values of parameters
        yield f"{name or 'model'} = {kind.__name__}({module.extra_repr() if says_all else ''})"
        if (edges := getattr(module, "edges", None)) is not None:
            yield f"{name}.edges = {edges}"
    for name, parameter in model.named_parameters():
        frozen = "" if parameter.requires_grad else ", frozen"
        yield f"{name} of shape {tuple(parameter.shape)}{frozen}"
    for name, buffer in model.named_buffers():
        yield f"{name} of shape {tuple(buffer.shape)}"


def trained_names(model: nn.Module, example: Tensor | None) -> list[str]:
    """The parameters that training changes: all that require a gradient, but for those that never reach the output.

    Whether they do shows in the graph of one evaluation at the example (n, n_in); without it they are taken to.
    """
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if example is None or not named:
        return list(named)
    with torch.enable_grad():
        output = model(example).sum()
    if not output.requires_grad:
        return []
    gradients = torch.autograd.grad(output, list(named.values()), allow_unused=True)
    return [name for name, gradient in zip(named, gradients, strict=True) if gradient is not None]


def skeleton(model: nn.Module) -> nn.Module:
    """The module without the values of its tensors; those that it shares among layers stay shared."""
    parameters = {id(p): nn.Parameter(p.detach().to("meta"), p.requires_grad) for p in model.parameters()}
    return deepcopy(model, parameters | {id(b): b.detach().to("meta") for b in model.buffers()})


def with_values(model: nn.Module, values: Named) -> nn.Module:
    """A copy of a skeleton with these tensors, by the names of its parameters and buffers."""
    parameters = {id(p): nn.Parameter(values[name], p.requires_grad) for name, p in model.named_parameters()}
    return deepcopy(model, parameters | {id(buffer): values[name] for name, buffer in model.named_buffers()})


def layers_of(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a sequence, each with the prefix of its tensors' names; any other module is one layer.

    So is a sequence that uses a layer or a tensor twice, or that does more than to apply its layers in turn.
    """
    if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward or _has_hooks(model):
        return [("", model)]
    tensors = [id(tensor) for layer in model for tensor in chain(layer.parameters(), layer.buffers())]
    if len(set(tensors)) < len(tensors):
        return [("", model)]
    return [(f"{name}.", layer) for name, layer in model._modules.items() if layer is not None]


def keeps_its_word(layer: FeatureLinear, trained: Sequence[str]) -> bool:
    """Return whether a layer is what `FeatureLinear` promises.

    All its parameters are trained and stand where it says, and no subclass, hook or parametrization changes what it
    does with its features."""
    kinds = type(layer).__mro__
    forward, features = (next(kind for kind in kinds if name in vars(kind)) for name in ("forward", "features"))
    whole = all(name in trained for name, _ in layer.named_parameters())
    return whole and issubclass(features, forward) and not is_parametrized(layer) and not _has_hooks(layer)


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)
