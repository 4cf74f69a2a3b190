"""The architecture of a network as plain data, and the network built from it, for every layer of kanbench."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from kanbench.bases import BASES, Basis
from kanbench.bases.own import basis_of, hash_of, target_of
from kanbench.files.user_code import TargetError
from kanbench.interpret import LIBRARY, Fit, Function, SymbolicLayer, SymbolicNetwork, select
from kanbench.models import KAN, MLP, Activation, Aggregation, BaseBranch, EdgeScale, KANLayer, Squash
from kanbench.models.linear import Affine, FourierAffine
from kanbench.models.mlp import FixedActivation, SplineActivation

Plain = dict[str, Any]  # what JSON holds
Library = Mapping[str, Function]


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
