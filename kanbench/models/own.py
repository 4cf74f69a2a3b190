"""A module from elsewhere as a network: built as it was published, and called without side effects."""

import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum, auto
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kanbench.errors import shown

EXAMPLES = 8  # rows that are evaluated to find the parameters that reach the output
INTERNAL = frozenset(vars(nn.Module()))  # attributes of every module that a forward pass leaves alone


class Takes(StrEnum):
    """The product of a call of a target: a whole model of a list of widths, or one layer of two."""

    model = auto()
    layer = auto()


@dataclass(frozen=True)
class Plan:
    """Everything that the architecture of an own network depends on, beside the code of its target.

    Args:
        name: The name of the target.
        hash: The hash of its source.
        shape: The widths from inputs to outputs.
        kwargs: The keyword arguments of the target.
        takes: Whether it makes a model or a layer.
        target: The file or module and the name that it was loaded from, which no output depends on.
    """

    name: str
    hash: str
    shape: tuple[int, ...]
    kwargs: Mapping[str, Any]
    takes: Takes = Takes.model
    target: str = ""


class OwnNetwork(nn.Module):
    """A module from elsewhere that maps (n, n_in) to (n, n_out), in evaluation mode.

    Outputs (n,), (n, n_out, 1) and tuples that begin with one of them are reshaped. A pass runs under the precision of
    its inputs as the default one, and leaves no attribute of a module behind. Parameters that never reach the output
    require no gradient; `unused` has their names.
    """

    is_foreign = True  # it is compared with plain autograd before its members are batched

    def __init__(self, inner: nn.Module, plan: Plan) -> None:
        super().__init__()
        self.inner, self.plan = inner, plan
        self.n_in, self.n_out = plan.shape[0], plan.shape[-1]
        self.unused: tuple[str, ...] = ()
        self.eval()

    def train(self, mode: bool = True) -> "OwnNetwork":
        """Stay in evaluation mode: a member must do the same at every call, whatever rows stand beside."""
        return super().train(False)

    def __deepcopy__(self, memo: dict[int, Any]) -> "OwnNetwork":
        """Copy the network without tensors that hooks have left behind, which hold the graph of a pass."""
        for module in self.inner.modules():
            for value in vars(module).values():
                content = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
                memo.update({id(each): None for each in content if _is_of_a_pass(each)})
        memo[id(self)] = copied = OwnNetwork.__new__(OwnNetwork)
        vars(copied).update(deepcopy(vars(self), memo))
        return copied

    def forward(self, x: Tensor) -> Tensor:
        with default_dtype(x.dtype), _untouched(self.inner):
            output = self.inner(x)
        if isinstance(output, tuple | list) and output:
            output = output[0]
        if not isinstance(output, Tensor):
            raise TypeError(f"its forward returns a {type(output).__name__} and no tensor")
        if output.ndim == 1 and self.n_out == 1:
            return output.unsqueeze(-1)
        return output.squeeze(-1) if output.ndim == 3 and output.shape[-1] == 1 else output


def build_own(target: Callable[..., Any], plan: Plan, *, seed: int, dtype: torch.dtype | None = None) -> OwnNetwork:
    """Build a network from a target under the default precision float32, then cast it.

    The global generators of torch, NumPy and Python are seeded, and restored afterwards. Tensors that are plain
    attributes of modules become buffers, so that every member of an ensemble keeps its own.

    Args:
        target: Called as target([n_in, w, .., n_out], **kwargs), or per layer as target(a, b, **kwargs). A parameter
            `seed` that `kwargs` does not set is given.
        plan: The widths and keyword arguments.
        seed: Where all random draws begin.
        dtype: The precision of the parameters.

    Raises:
        TypeError: The target does not return a module.
        Exception: Whatever the code of the target raises.
    """
    with default_dtype(torch.float32), seeded(seed), torch.enable_grad():
        if plan.takes is Takes.layer:
            layers = [
                _call(target, plan, seed + i, a, b) for i, (a, b) in enumerate(pairwise(plan.shape))
            ]  # a layer's seed is its own, or equal layers would start equal
            inner: nn.Module = nn.Sequential(*layers)
        else:
            inner = _call(target, plan, seed, list(plan.shape))
        if any(map(nn.parameter.is_lazy, inner.parameters())):
            nn.Module.train(inner, False)
            inner(_rows(plan.shape[0], torch.float32))  # the first pass draws them
    _require_real(inner)
    _register_tensors(inner)
    nn.Module.to(inner, device="cpu", dtype=dtype)  # some override `to` and take a device only
    network = OwnNetwork(inner, plan)
    network.unused = tuple(_freeze_unused(network))
    return network


def call_arguments(target: Callable[..., Any], plan: Plan, seed: int) -> dict[str, Any]:
    """Return the keyword arguments of one call: a copy of those of the plan and, if the signature has one, a seed."""
    named = deepcopy(dict(plan.kwargs))
    try:
        takes_seed = "seed" in inspect.signature(target).parameters
    except (TypeError, ValueError):  # some classes written in C have no signature
        takes_seed = False
    return {"seed": seed} | named if takes_seed else named


def _call(target: Callable[..., Any], plan: Plan, seed: int, *widths: Any) -> nn.Module:
    made = target(*widths, **call_arguments(target, plan, seed))
    if not isinstance(made, nn.Module):
        raise TypeError(f"it returns a {type(made).__name__} and no torch.nn.Module")
    return made


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Make a precision the default one for the block."""
    before = torch.get_default_dtype()
    if before == dtype:
        yield
        return
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of torch, NumPy and Python for the block, and restore them afterwards."""
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # modules draw from it
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002


@contextmanager
def _untouched(module: nn.Module) -> Iterator[None]:
    """Restore the attributes of all modules after the block, with the content of their lists, dictionaries and buffers.

    Tensors that a pass leaves behind would hold its graph, could not be copied, and would end in the next member.
    """
    before = []
    for each in module.modules():
        if not type(each).__module__.startswith("torch.") or each._forward_pre_hooks or each._forward_hooks:
            state = vars(each)
            inside = [
                (value, value.copy())
                for name, value in state.items()
                if type(value) in (list, dict) and (name not in INTERNAL or name == "_buffers")
            ]
            before.append((state, state.copy(), inside))
    try:
        yield
    finally:
        for state, attributes, inside in before:
            state.clear()
            state.update(attributes)
            for value, content in inside:
                value.clear()
                value.extend(content) if isinstance(value, list) else value.update(content)


def _is_of_a_pass(value: Any) -> bool:
    """Return whether a value is a tensor with a graph, or one of a transform that has ended."""
    if not isinstance(value, Tensor):
        return False
    try:
        value.data_ptr()
    except RuntimeError:
        return True
    return not value.is_leaf


def _register_tensors(inner: nn.Module) -> None:
    """Make tensors that are plain attributes buffers, and lists of parameters lists that a module knows.

    Whole numbers, which may be read as sizes, stay as they are.
    """
    for module in list(inner.modules()):
        for name, value in list(vars(module).items()):
            if name in INTERNAL:
                continue
            if type(value) is list and value and all(isinstance(each, nn.Parameter) for each in value):
                delattr(module, name)
                setattr(module, name, nn.ParameterList(value))
            elif isinstance(value, Tensor) and (value.is_floating_point() or value.ndim):
                delattr(module, name)
                if hasattr(module, name):  # a class attribute of the same name would hide the buffer
                    setattr(module, name, value.detach())
                else:
                    module.register_buffer(name, value.detach())


def _require_real(inner: nn.Module) -> None:
    """Raise `TypeError` for complex parameters, whose imaginary part no optimizer here would train."""
    for name, parameter in inner.named_parameters():
        if parameter.is_complex():
            raise TypeError(
                f"its parameter {name} is complex; keep its real and imaginary part as one real parameter, "
                "which torch.view_as_complex reads"
            )


def _freeze_unused(network: OwnNetwork) -> Iterator[str]:
    """Let parameters that never reach the output require no gradient, and yield their names."""
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    before = dict(network.inner.named_parameters(remove_duplicate=False))
    reached = _reached(network, dtype)
    if made := [name for name, _ in network.inner.named_parameters(remove_duplicate=False) if name not in before]:
        raise TypeError(f"its forward makes parameters, {shown(made)}; make them in the constructor")
    known = {id(parameter) for parameter in before.values()}
    if reached.keys() - known and (strange := [*(reached.keys() & _reached(network, dtype).keys()) - known]):
        shapes = shown(sorted(tuple(reached[each].shape) for each in strange))
        raise TypeError(
            f"its output depends on tensors of shapes {shapes} that are no parameters of its modules; an "
            "nn.ParameterList or nn.ModuleList would hold them"
        )
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and id(parameter) not in reached:
            parameter.requires_grad_(False)
            yield name


def _rows(n_in: int, dtype: torch.dtype) -> Tensor:
    return torch.linspace(-0.9, 0.8, EXAMPLES * n_in, dtype=dtype).view(n_in, EXAMPLES).mT.contiguous()


@torch.enable_grad()
def _reached(network: OwnNetwork, dtype: torch.dtype) -> dict[int, Tensor]:
    """Return the leaves in the autograd graph of an output, by their identities."""
    output = network(_rows(network.n_in, dtype))
    found: dict[int, Tensor] = {} if output.grad_fn else {id(output): output}
    seen, waiting = set(), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (leaf := getattr(node, "variable", None)) is not None:
            found[id(leaf)] = leaf
        waiting += [following for following, _ in node.next_functions]
    return found


def n_trained(model: nn.Module) -> int:
    """Return the number of parameters that require a gradient."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
