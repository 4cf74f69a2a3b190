"""Fitted estimators as files: the network with the units of its columns and targets, or with its classes."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from kanbench.checkpoint import Names, Pairs, Units, load, load_names, load_units, save
from kanbench.estimators.scaling import Scaling
from kanbench.files.sealed import Damaged
from kanbench.models import KAN, MLP, KANLayer
from kanbench.models.linear import Affine
from kanbench.models.mlp import FixedActivation


def save_fitted(model: Any, path: str | Path, targets: Scaling | None, is_flat: bool) -> None:
    """Write a fitted estimator to a file; `targets` is the scaling of a regressor."""
    classes = tuple(getattr(model, "classes_", np.empty(0)).tolist())
    columns = tuple(map(str, getattr(model, "feature_names_in_", ())))
    limits = model._limits if np.isfinite(model._limits).all() else None
    units = Units(_pairs(model._inputs), _pairs(targets) if targets else (), limits, classes, is_flat)
    save(model.network_, path, names=Names(columns, tuple(map(str, classes))), units=units)


def read_fitted(path: str | Path, *, is_classifier: bool) -> tuple[nn.Module, Units, Names]:
    """Read a network with its units.

    Raises:
        Damaged: The file is no network, or one without units.
        ValueError: The network predicts classes in place of numbers, or numbers in place of classes.
        FileNotFoundError: There is no such file.
    """
    network, units = load(path), load_units(path)
    if units is None:
        raise Damaged(f"{path}: holds a network without the units of its columns; kanbench.checkpoint.load reads it")
    if bool(units.classes) != is_classifier:
        kind = "KANClassifier" if units.classes else "KANRegressor"
        raise ValueError(f"{path}: predicts {'classes' if units.classes else 'numbers'}; {kind}.load reads it")
    return network, units, load_names(path)


def scaling_of(pairs: Pairs) -> Scaling:
    """Return the scaling with these (center, spread)."""
    center, spread = np.array(pairs, dtype=np.float64).T
    return Scaling(center, spread)


def parameters_of(network: nn.Module) -> dict[str, Any]:
    """Return the parameters of an estimator whose network has the widths and functions of this one."""
    layers = list(network.children())
    if isinstance(network, KAN) and isinstance(first := layers[0], KANLayer):
        widths = [layer.n_out for layer in layers if isinstance(layer, KANLayer)]
        switches = {"aggregation": first.aggregation.value, "base_branch": first.base_branch.value}
        return {"network": "kan", "hidden_layer_sizes": widths[:-1], "basis": first.basis} | switches
    widths = [layer.weight.shape[1] for layer in layers if isinstance(layer, Affine)]
    names = [layer.activation.value for layer in layers if isinstance(layer, FixedActivation)]
    activation = (names or ["tanh" if isinstance(network, MLP) and len(layers) == 1 else "bspline"])[0]
    return {"network": "mlp", "hidden_layer_sizes": widths[:-1], "activation": activation}


def _pairs(scaling: Scaling) -> Pairs:
    return tuple(zip(scaling.center.tolist(), scaling.spread.tolist(), strict=True))
