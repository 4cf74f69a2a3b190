"""Saves networks to files and loads them: tensors in a safetensors file, the architecture as JSON in its metadata.

No class is ever pickled. Any reader of safetensors opens the files. Files of earlier versions, which are torch archives
behind a line with their checksum, still load.
"""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from kanbench.bases import BASES, Basis, load_basis
from kanbench.bases.own import basis_of, hash_of, target_of
from kanbench.files.atomic import write_whole
from kanbench.files.sealed import Damaged, Seal, parse_json, read_whole
from kanbench.files.user_code import TargetError, load_target
from kanbench.interpret import LIBRARY, Fit, Function, SymbolicLayer, SymbolicNetwork, select
from kanbench.models import KAN, MLP, Activation, Aggregation, BaseBranch, EdgeScale, KANLayer, Squash
from kanbench.models.linear import Affine, FourierAffine
from kanbench.models.mlp import FixedActivation, SplineActivation
from kanbench.models.own import OwnNetwork, Plan, Takes, build_own

EARLIER = Seal("network", format=1)
FORMAT = 2
PARTS = ("architecture", "frozen", "names", "units", "notes")  # of the metadata, as JSON
OWN = OwnNetwork.__name__  # an architecture that code from elsewhere builds

Plain = dict[str, Any]  # what JSON holds
Library = Mapping[str, Function]


@dataclass(frozen=True)
class Names:
    """The names of the inputs of a network, and of its outputs or classes; () where nobody said them."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


NAMELESS = Names()
Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Units:
    """The units in which somebody uses a network: (center, spread) of each input and of each output.

    The network sees (x - center) / spread, kept within `limits` where there are some, and predicts
    output * spread + center. A classifier has `classes` in place of units of its outputs. `is_flat` says that a single
    output is predicted as (n,) and not as (n, 1).
    """

    inputs: Pairs
    outputs: Pairs = ()
    limits: tuple[float, float] | None = None
    classes: tuple[str | int | float | bool, ...] = ()
    is_flat: bool = True


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
        content = pack({"kind": OWN} | asdict(model.plan), frozen, _tensors_of(model), names, units, notes)
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
    content = _content(Path(path))
    model: nn.Module
    try:
        tensors = {name: tensor.to(device) for name, tensor in content["tensors"].items()}
        if content["architecture"]["kind"] == OWN:
            model = _load_own(Path(path), content, target)
            _set_tensors(model, content["tensors"])
            nn.Module.to(model, device)
        else:
            if target:
                load_basis(target)
            model = build(content["architecture"], library)
            model.load_state_dict(tensors, assign=True)
        for name in content["frozen"]:
            model.get_parameter(name).requires_grad_(False)
    except Exception as error:  # content that means nothing to torch or to a layer ends in almost any
        if type(error) is ValueError:
            raise Damaged(f"{path}: {error}") from error
        if isinstance(error, ValueError) and not isinstance(error, UnicodeError):  # an unknown name says it all
            raise
        raise _no_network(path, error) from error
    return model


def load_names(path: str | Path) -> Names:
    """Return the names of inputs, and of outputs or classes, that were saved with a network.

    Raises:
        Damaged: The file is no network, as in `load`.
        FileNotFoundError: There is no such file.
    """
    named = _content(Path(path)).get("names", {})
    return Names(**{key: tuple(map(str, named.get(key, ()))) for key in ("inputs", "outputs")})


def load_notes(path: str | Path) -> Plain:
    """Return the notes that were saved with a network; {} for one without.

    Raises:
        Damaged: The file is no network, as in `load`.
        FileNotFoundError: There is no such file.
    """
    notes = _content(Path(path)).get("notes", {})
    return dict(notes) if isinstance(notes, dict) else {}


def load_units(path: str | Path) -> Units | None:
    """Return the units that were saved with a network, or None for a network without them.

    Raises:
        Damaged: The file is no network, as in `load`, or its units are damaged.
        FileNotFoundError: There is no such file.
    """
    plain = _content(Path(path)).get("units")
    if plain is None:
        return None
    try:
        inputs, outputs = (tuple((float(c), float(s)) for c, s in plain[key]) for key in ("inputs", "outputs"))
        limits = plain["limits"] and (float(plain["limits"][0]), float(plain["limits"][1]))
        return Units(inputs, outputs, limits, tuple(plain["classes"]), bool(plain["is_flat"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{path}: holds units that this version cannot read ({type(error).__name__})") from error


def pack(
    architecture: Any,
    frozen: Any,
    tensors: Mapping[str, Tensor],
    names: Names = NAMELESS,
    units: Units | None = None,
    notes: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the bytes of a file: tensors by name, and in the metadata the rest as JSON, the format and a checksum."""
    facts = {"kanbench_network": str(FORMAT), "architecture": json.dumps(architecture), "frozen": json.dumps(frozen)}
    if names != NAMELESS:
        facts["names"] = json.dumps(asdict(names))
    if units is not None:
        facts["units"] = json.dumps(asdict(units), allow_nan=False)
    if notes:
        facts["notes"] = json.dumps(dict(notes), allow_nan=False)
    apart = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    facts["sha256"] = _checksum(safetensors.torch.save(apart, facts))
    return safetensors.torch.save(apart, facts)


def _content(path: Path) -> Any:
    """Read the architecture, the frozen parameters and the tensors of a file of any format."""
    content = read_whole(path)
    if content[8:9] != b"{":  # where the JSON of a safetensors file begins
        return _earlier_content(path)
    try:
        facts = _header(content)["__metadata__"]
        found, checksum = int(facts["kanbench_network"]), facts["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path}: not a network of kanbench") from error
    if found != FORMAT:
        raise Damaged(f"{path}: a network of format {found}, this version reads 1 to {FORMAT}")
    if _checksum(content) != checksum:
        raise Damaged(f"{path}: the content does not match its checksum; the file is damaged or cut short")
    try:
        described = {name: parse_json(facts[name]) for name in PARTS if name in facts}
        return described | {"tensors": safetensors.torch.load(content)}
    except Exception as error:
        raise _no_network(path, error) from error


def _earlier_content(path: Path) -> Any:
    body = io.BytesIO(EARLIER.read(path))
    try:
        return torch.load(body, map_location="cpu", weights_only=True)
    except Exception as error:
        raise _no_network(path, error) from error


def _no_network(path: str | Path, error: Exception) -> Damaged:
    return Damaged(f"{path}: holds no network that this version can build ({type(error).__name__})")


def _header(content: bytes) -> Any:
    """Parse the JSON of a safetensors file, whose length is in the first 8 bytes."""
    return parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])


def _checksum(content: bytes) -> str:
    """Return the SHA-256 of a safetensors file, apart from the checksum in its metadata: the header and all tensors."""
    header = _header(content)
    header["__metadata__"].pop("sha256", None)
    body = content[8 + int.from_bytes(content[:8], "little") :]
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode() + body).hexdigest()


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers, those too that a module leaves out of its state."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _set_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Set parameters and buffers in place, so that those that a module has under two names stay one.

    Raises `ValueError` unless names and shapes are those of the model.
    """
    own = {name: tensor.shape for name, tensor in _tensors_of(model).items()}
    if own != {name: tensor.shape for name, tensor in tensors.items()}:
        raise ValueError("its tensors have other names or shapes than those of the model that its target builds")
    with torch.no_grad():
        for name, tensor in _tensors_of(model).items():
            tensor.copy_(tensors[name])


def _load_own(path: Path, content: Plain, target: str) -> OwnNetwork:
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
    return build_own(loaded.thing, plan, seed=0, dtype=dtype)


def describe(module: nn.Module) -> Plain:
    """Return the architecture of a network as plain data, without its tensors.

    Raises `ValueError` for a layer that cannot be saved.
    """
    kind = type(module).__name__
    if kind not in RECIPES or RECIPES[kind].kind is not type(module):
        raise ValueError(f"cannot save a {kind}; what can be saved: {', '.join(RECIPES)}")
    return {"kind": kind} | RECIPES[kind].describe(module)


def build(plain: Plain, library: Library = LIBRARY) -> nn.Module:
    """Build the module that `describe` described. Its tensors still have to be set."""
    fields = {name: value for name, value in plain.items() if name != "kind"}
    return RECIPES[plain["kind"]].build(fields, library)


@dataclass(frozen=True)
class Recipe:
    """Describes modules of one kind as plain data, and builds them from it."""

    kind: type[nn.Module]
    describe: Callable[[Any], Plain]
    build: Callable[[Plain, Library], nn.Module]


def _sequence(kind: type[nn.Sequential]) -> Recipe:
    def build_layers(plain: Plain, library: Library) -> nn.Module:
        model = kind.__new__(kind)  # a KAN makes its layers from a shape; these are made already
        nn.Sequential.__init__(model, *(build(layer, library) for layer in plain["layers"]))
        return model

    return Recipe(kind, lambda model: {"layers": [describe(layer) for layer in model]}, build_layers)


def _describe_kan_layer(layer: KANLayer) -> Plain:
    switches = {name: getattr(layer, name).value for name in ("aggregation", "base_branch", "edge_scale", "squash")}
    edges = None if layer.edges is None else [list(edge) for edge in layer.edges]
    shape = {"n_in": layer.n_in, "n_out": layer.n_out, "edges": edges, "bias": layer.bias is not None}
    return shape | switches | {"basis": _describe_basis(layer.basis)}


def _build_kan_layer(plain: Plain, library: Library) -> nn.Module:
    return KANLayer(
        plain["n_in"],
        plain["n_out"],
        _build_basis(plain["basis"]),
        Aggregation(plain["aggregation"]),
        base_branch=BaseBranch(plain["base_branch"]),
        bias=plain["bias"],
        edge_scale=EdgeScale(plain["edge_scale"]),
        squash=Squash(plain["squash"]),
        edges=None if plain["edges"] is None else [(i, j) for i, j in plain["edges"]],
        generator=torch.Generator(),
    )


def _describe_basis(basis: Basis) -> Plain:
    for name, kind in BASES.items():
        if kind is type(basis):
            return {"name": name} | asdict(basis)
    if target := target_of(kind := type(basis)):
        return {"name": kind.__name__, "hash": hash_of(kind), "target": target, "fields": asdict(basis)}
    raise ValueError(
        f"cannot save the basis {type(basis).__name__}: it is not in BASES; a basis of your own can be saved if "
        "kanbench.bases.load_basis('file.py:Name') gives its class"
    )


def _build_basis(plain: Plain) -> Basis:
    name = plain["name"]
    if "hash" in plain:
        return _own_basis(plain)
    if name not in BASES:
        raise ValueError(f"the basis {name!r} of this network is not in BASES; there are {', '.join(BASES)}")
    return BASES[name](**{field: value for field, value in plain.items() if field != "name"})


def _own_basis(plain: Plain) -> Basis:
    """Build a basis of the user's own, whose source `load` has run."""
    name, hash = plain["name"], plain["hash"]
    try:
        return basis_of(name, hash, plain["fields"])
    except TargetError as error:
        raise TargetError(
            f"the network has the basis {name} of source {hash[:6]}, which its target must have too: "
            f"load(path, target={plain['target']!r}) runs its code"
        ) from error


def _describe_affine(layer: Affine) -> Plain:
    n_in, n_out = layer.weight.shape
    return {"n_in": n_in, "n_out": n_out}


def _build_affine(plain: Plain, library: Library) -> nn.Module:
    return Affine(plain["n_in"], plain["n_out"], std=0.0, generator=torch.Generator(), dtype=None)


def _describe_fourier(layer: FourierAffine) -> Plain:
    n_in, n_frequencies = layer.frequencies.shape
    return {"n_in": n_in, "n_out": len(layer.bias), "n_frequencies": n_frequencies}


def _build_fourier(plain: Plain, library: Library) -> nn.Module:
    return FourierAffine(**plain, scale=0.0, std=0.0, generator=torch.Generator(), dtype=None)


def _describe_spline_activation(layer: SplineActivation) -> Plain:
    return {"width": len(layer.coefficients), "basis": _describe_basis(layer.basis)}


def _describe_symbolic(layer: SymbolicLayer) -> Plain:
    ranges = {} if layer.ranges is None else {"ranges": [list(pair) for pair in layer.ranges]}
    return ranges | {
        "n_in": layer.n_in,
        "n_out": layer.n_out,
        "edges": [[*edge, function.name] for edge, function in zip(layer.edges, layer.functions, strict=True)],
        "rest": None if layer.rest is None else describe(layer.rest),
    }


def _build_symbolic(plain: Plain, library: Library) -> nn.Module:
    functions = select((name for _, _, name in plain["edges"]), library)
    fits = {(i, j): Fit(functions[name], 1.0, 0.0, 1.0, 0.0, 1.0) for i, j, name in plain["edges"]}
    rest = None if plain["rest"] is None else build(plain["rest"], library)
    assert rest is None or isinstance(rest, KANLayer)
    ranges = [(low, high) for low, high in plain["ranges"]] if "ranges" in plain else None
    return SymbolicLayer(plain["n_in"], plain["n_out"], fits, rest=rest, ranges=ranges)


RECIPES = {
    recipe.kind.__name__: recipe
    for recipe in (
        _sequence(KAN),
        _sequence(MLP),
        _sequence(nn.Sequential),
        _sequence(SymbolicNetwork),
        Recipe(KANLayer, _describe_kan_layer, _build_kan_layer),
        Recipe(SymbolicLayer, _describe_symbolic, _build_symbolic),
        Recipe(Affine, _describe_affine, _build_affine),
        Recipe(FourierAffine, _describe_fourier, _build_fourier),
        Recipe(
            FixedActivation,
            lambda layer: {"activation": layer.activation.value},
            lambda plain, _: FixedActivation(Activation(plain["activation"])),
        ),
        Recipe(
            SplineActivation,
            _describe_spline_activation,
            lambda plain, _: SplineActivation(plain["width"], _build_basis(plain["basis"])),
        ),
    )
}
