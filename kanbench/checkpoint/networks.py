"""Saves networks and loads them. No class is ever pickled, and a file never brings code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kanbench.bases import load_basis
from kanbench.checkpoint.annotations import NAMELESS, Names, Units
from kanbench.checkpoint.architecture import Library, Plain, build, describe
from kanbench.checkpoint.format import content_of, no_network, pack
from kanbench.checkpoint.own import OWN, describe_own, load_own, tensors_of
from kanbench.files.atomic import write_whole
from kanbench.files.sealed import Damaged
from kanbench.interpret import LIBRARY
from kanbench.models.own import OwnNetwork


def save(
    model: nn.Module,
    path: str | Path,
    *,
    names: Names = NAMELESS,
    units: Units | None = None,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write a network or a layer to a file: KANs, with edges pruned, knots moved or functions named, and MLPs.

    The file is written whole or not at all. Layers that share a tensor are loaded with a copy each.

    Args:
        model: The network, or a single layer.
        path: The file, which is replaced if it exists; its folder must exist.
        names: The names that `load_names` returns.
        units: The units that `load_units` returns.
        notes: What JSON holds and `load_notes` returns.

    Raises:
        ValueError: The model has a layer that is not one of kanbench's, or a basis that is not in `BASES`.
        OSError: The file cannot be written.

    Example:
        save(model, "model.safetensors")
        model = load("model.safetensors")
    """
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    if isinstance(model, OwnNetwork):
        content = pack(describe_own(model), frozen, tensors_of(model), names, units, notes)
    else:
        content = pack(describe(model), frozen, model.state_dict(), names, units, notes)
    write_whole(Path(path), content)


def load(
    path: str | Path, *, library: Library = LIBRARY, device: torch.device | str = "cpu", target: str = ""
) -> nn.Module:
    """Load the network of a file. Its outputs are the same to the last bit, and training continues from there.

    Args:
        path: A file that `save` wrote, in this version or an earlier one.
        library: The functions that symbolic layers name.
        device: Where the tensors go.
        target: `file.py:Name` or `package.module:Name`, which is run to build an own model, or for a basis of one's
            own. A file never brings code: it has the hash of the source, which the target must have too.

    Raises:
        TargetError: The network is an own model, and the target is not given, cannot be loaded or has changed.
        Damaged: The file is cut short, of another kind, or of a format that this version does not know.
        ValueError: The network has a basis that is not in `BASES`.
        UnknownName: The network names a function that is not in the library.
        FileNotFoundError: There is no such file.
    """
    content = content_of(Path(path))
    model: nn.Module
    try:
        if content["architecture"]["kind"] == OWN:
            model = load_own(Path(path), content, target)
            nn.Module.to(model, device)
        else:
            if target:
                load_basis(target)
            model = build(content["architecture"], library)
            tensors = {name: tensor.to(device) for name, tensor in content["tensors"].items()}
            model.load_state_dict(tensors, assign=True)
        for name in content["frozen"]:
            model.get_parameter(name).requires_grad_(False)
    except Exception as error:  # content that means nothing to torch or to a layer ends in almost any
        if type(error) is ValueError:
            raise Damaged(f"{path}: {error}") from error
        if isinstance(error, ValueError) and not isinstance(error, UnicodeError):  # an unknown name says it all
            raise
        raise no_network(path, error) from error
    return model


def load_names(path: str | Path) -> Names:
    """Return the names of inputs, and of outputs or classes, that were saved with a network.

    Raises:
        Damaged: The file is no network, as in `load`.
        FileNotFoundError: There is no such file.
    """
    named = content_of(Path(path)).get("names", {})
    return Names(**{key: tuple(map(str, named.get(key, ()))) for key in ("inputs", "outputs")})


def load_notes(path: str | Path) -> Plain:
    """Return the notes that were saved with a network; {} for one without.

    Raises:
        Damaged: The file is no network, as in `load`.
        FileNotFoundError: There is no such file.
    """
    notes = content_of(Path(path)).get("notes", {})
    return dict(notes) if isinstance(notes, dict) else {}


def load_units(path: str | Path) -> Units | None:
    """Return the units that were saved with a network, or None for a network without them.

    Raises:
        Damaged: The file is no network, as in `load`, or its units are damaged.
        FileNotFoundError: There is no such file.
    """
    plain = content_of(Path(path)).get("units")
    if plain is None:
        return None
    try:
        inputs, outputs = (tuple((float(c), float(s)) for c, s in plain[key]) for key in ("inputs", "outputs"))
        limits = plain["limits"] and (float(plain["limits"][0]), float(plain["limits"][1]))
        return Units(inputs, outputs, limits, tuple(plain["classes"]), bool(plain["is_flat"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{path}: holds units that this version cannot read ({type(error).__name__})") from error
