"""Own models in files: code from elsewhere builds them, and a file holds the hash of its source."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kanbench.files.user_code import TargetError, load_target
from kanbench.models.own import OwnNetwork, Plan, Takes, build_own

OWN = OwnNetwork.__name__  # the kind of such an architecture


def describe_own(model: OwnNetwork) -> dict[str, Any]:
    """Return the plan of an own model as plain data."""
    return {"kind": OWN} | asdict(model.plan)


def load_own(path: Path, content: dict[str, Any], target: str) -> OwnNetwork:
    """Build an own model by running its target, if the source is the one that was saved."""
    plain = content["architecture"]
    takes, shape = Takes(plain["takes"]), tuple(plain["shape"])
    plan = Plan(plain["name"], plain["hash"], shape, plain["kwargs"], takes, target)
    which = f"{path}: holds an own model, {plan.name} of source {plan.hash[:6]}"
    if not target:
        raise TargetError(f"{which}: load(path, target={plain['target'] or f'file.py:{plan.name}'!r}) runs its code")
    loaded = load_target(target)
    if loaded.hash != plan.hash:
        raise TargetError(f"{which}, and the source of {target} is {loaded.hash[:6]}")
    dtype = next(tensor.dtype for tensor in content["tensors"].values() if tensor.is_floating_point())
    model = build_own(loaded.thing, plan, seed=0, dtype=dtype)
    _set_tensors(model, content["tensors"])
    return model


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers, those too that a module leaves out of its state."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _set_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Set parameters and buffers in place, so that those that a module has under two names stay one.

    Raises `ValueError` unless names and shapes are those of the model.
    """
    own = {name: tensor.shape for name, tensor in tensors_of(model).items()}
    if own != {name: tensor.shape for name, tensor in tensors.items()}:
        raise ValueError("its tensors have other names or shapes than those of the model that its target builds")
    with torch.no_grad():
        for name, tensor in tensors_of(model).items():
            tensor.copy_(tensors[name])
