"""Grids that grow, and grids that follow the data, with the function of a trained network kept.

The work is done for several models of one shape at once, as the members of an ensemble need it: what decides the shape
of their parameters is decided for all of them together.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from kanbench.bases import Basis, BSpline
from kanbench.bases.blossom import reexpress
from kanbench.bases.grid import Grid, Knots
from kanbench.errors import require
from kanbench.models.kan import KANLayer, Squash, require_dtype

Model = TypeVar("Model", bound=nn.Module)


def extend(model: Model, size: int, x: Tensor | None = None, *, mix: float = 0.0) -> Model:
    """A copy of a KAN, a KAN layer, or a network that holds some, with more terms and the same function.

    `size` is the new number of intervals, degree or harmonics, as the basis calls it. New coefficients of polynomials
    and harmonics are zero. Splines keep their knots, and new ones join them on the domain: evenly, or with a share
    `mix` of the way to the quantiles of the data x (n, n_in). The function remains on the whole line; but a uniform
    grid stays uniform, and so fast, where `size` is a multiple of its intervals, `mix` is 0, and the squash of the
    layer or x shows that no input is off the domain: there alone the function changes.

    Raises `ValueError` for a smaller size, a basis that has no larger family, a mix out of [0, 1] or without x, x that
    is not finite or has a wrong number of columns, and a model without KAN layers.
    """
    return extend_all([model], size, None if x is None else [x], mix=mix)[0]


def extend_all(
    models: Sequence[Model], size: int, x: Sequence[Tensor] | Tensor | None = None, *, mix: float = 0.0
) -> list[Model]:
    """`extend` for models of one shape, each with data of its own."""
    _require_mix(mix)
    require(x is not None or mix == 0, "mix", "must be 0 where there is no x to follow", mix)
    models = [deepcopy(model) for model in models]
    for sites in _sites(models, x):
        basis = _larger(sites[0].layer.basis, size)
        uniform = mix == 0 and all(site.may_stay_uniform(size) for site in sites)
        for site in sites:
            if not isinstance(basis, BSpline):
                site.grow(basis)
            elif uniform:
                site.subdivide(basis)
            else:
                site.regrid(basis, Grid.insert, mix)
    return models


def update_grid(model: Model, x: Tensor, *, mix: float = 0.5, intervals: int | None = None) -> Model:
    """A copy whose spline knots follow the data x (n, n_in), and whose function at x is the same.

    In every column of every layer the knots between the smallest and the largest input stay, for some function there
    would change without them; all others move to where the inputs are: evenly, or a share `mix` of the way to their
    quantiles. A constant column keeps its knots. Inputs off the domain need outer knots as well: by default a layer
    takes the least number of intervals with which each of its columns can follow, which is more than it had only
    then. With `intervals` it takes that many, and a column that needs more stays where it is.

    Raises `ValueError` as `extend` does, and for a basis without knots.
    """
    return update_grids([model], [x], mix=mix, intervals=intervals)[0]


def update_grids(
    models: Sequence[Model], x: Sequence[Tensor] | Tensor, *, mix: float = 0.5, intervals: int | None = None
) -> list[Model]:
    """`update_grid` for models of one shape, each with data of its own."""
    _require_mix(mix)
    models = [deepcopy(model) for model in models]
    for sites in _sites(models, x):
        basis = sites[0].layer.basis
        if not isinstance(basis, BSpline):
            raise ValueError(f"a grid update moves the knots of splines; {type(basis).__name__} has none")
        least = max(basis.intervals, *(site.least_intervals() for site in sites))
        for site in sites:
            site.regrid(_larger(basis, least if intervals is None else intervals), Grid.follow, mix)
    return models


def _require_mix(mix: float) -> None:
    require(0.0 <= mix <= 1.0, "mix", "must be in [0, 1]", mix)


def _larger(basis: Basis, size: int) -> Basis:
    """Raises `ValueError` where the basis does not grow, or would shrink."""
    if not (name := basis.grows_by):
        raise ValueError(f"{type(basis).__name__} cannot be extended: no larger family holds its functions")
    now = getattr(basis, name)
    require(isinstance(size, int), name, "must be a whole number", size)
    require(size >= now, name, f"must not shrink from {now}", size)
    return replace(basis, **{name: size})


def _sites(models: Sequence[nn.Module], x: Sequence[Tensor] | Tensor | None) -> list[tuple["Site", ...]]:
    """The layers of the shared shape: for each, that of every model with its inputs."""
    data = [None] * len(models) if x is None else list(x)
    require(len(data) == len(models), "x", f"must hold the data of each of {len(models)} models", len(data))
    of_models = [_sites_of(model, each) for model, each in zip(models, data, strict=True)]
    require(bool(of_models[0]), "model", "must hold a KAN layer", type(models[0]).__name__)
    return list(zip(*of_models, strict=True))


def _sites_of(model: nn.Module, x: Tensor | None) -> list["Site"]:
    if x is None:
        return [Site(layer, None) for layer in kan_layers_in(model)]
    require_dtype(model, x)
    require(x.numel() > 0, "x", "must have at least one row", len(x))
    sites = [Site(layer, z) for layer, z in zip(kan_layers_in(model), inputs_of_layers(model, x), strict=True)]
    for site in sites:
        strange = 0 if site.inputs is None else int((~site.inputs.isfinite()).sum())
        require(strange == 0, "x", "must be finite wherever it enters a layer; values that are not", strange)
    return sites


def kan_layers_in(model: nn.Module) -> list[KANLayer]:
    """Every KAN layer that a module is or holds, each once."""
    return [module for module in model.modules() if isinstance(module, KANLayer)]


def inputs_of_layers(model: nn.Module, x: Tensor) -> list[Tensor | None]:
    """What the basis of each of `kan_layers_in` sees of the data x, in all uses of the layer: (n, n_in), or None
    where no data reach it. The model itself, running statistics included, stays as it is."""
    probe = deepcopy(model)
    layers = kan_layers_in(probe)
    seen: list[list[Tensor]] = [[] for _ in layers]
    for layer, of_layer in zip(layers, seen, strict=True):
        layer.expand = partial(_look, layer, of_layer)  # type: ignore[method-assign]
    with torch.no_grad():
        probe(x)
    return [torch.cat(of_layer) if of_layer else None for of_layer in seen]


def _look(layer: KANLayer, seen: list[Tensor], x: Tensor, inner: Tensor | None = None) -> Tensor:
    """`layer.expand` that remembers its inputs."""
    seen.append(x.reshape(-1, layer.n_in))
    return type(layer).expand(layer, x, inner)


@dataclass(frozen=True)
class Site:
    """A layer that is changed in place, and what its basis sees of the data: (n, n_in), or None."""

    layer: KANLayer
    inputs: Tensor | None

    @property
    def knots(self) -> Tensor:
        """(n_in, n_knots) in float64, whoever holds them."""
        layer = self.layer
        if layer.knots is not None:
            return layer.knots.double()
        assert isinstance(layer.basis, BSpline)
        return layer.basis.uniform_knots().to(layer.coefficients.device).expand(layer.n_in, -1)

    @property
    def columns(self) -> list[tuple[Grid, np.ndarray]]:
        """The grid of each input, and its data, empty where there is none."""
        assert isinstance(self.layer.basis, BSpline)
        dtype = self.layer.coefficients.dtype
        resolved = self.inputs is None or dtype in (torch.float32, torch.float64)
        require(resolved, "dtype", "must be float32 or float64 where knots follow data", dtype)
        degree, eps = self.layer.basis.degree, torch.finfo(dtype).eps
        grids = [Grid(row, degree, eps) for row in self.knots.cpu().numpy()]
        data = self.knots.new_empty(0, len(grids)) if self.inputs is None else self.inputs.double()
        return list(zip(grids, data.cpu().numpy().T, strict=True))

    def least_intervals(self) -> int:
        """The least number of intervals with which every column can follow its data."""
        return max(len(grid.needed(column)) - 1 for grid, column in self.columns)

    def may_stay_uniform(self, intervals: int) -> bool:
        """Whether so many intervals divide those that are there, and no input is off them."""
        basis = self.layer.basis
        if not isinstance(basis, BSpline) or self.layer.knots is not None or intervals % basis.intervals:
            return False
        if self.inputs is None:
            return self.layer.squash is Squash.tanh
        return all(grid.holds(column) for grid, column in self.columns)

    def grow(self, basis: Basis) -> None:
        """To a larger family, in which the old functions are some of the new ones."""
        old, terms = self.layer.basis, self._terms
        new = terms.new_zeros(len(terms), basis.n_terms, terms.shape[2])
        new[:, old.positions_in(basis)] = terms
        self._replace(basis, new)

    def subdivide(self, basis: BSpline) -> None:
        """To a finer uniform grid; exact on the domain."""
        old = self.knots
        new = basis.uniform_knots().to(old.device).expand(len(old), -1)
        domain = new.new_tensor([basis.low, basis.high]).expand(len(old), -1)
        self._replace(basis, reexpress(self._terms.double(), old, new, domain, basis.degree))

    def regrid(self, basis: Basis, place: Callable[[Grid, int, np.ndarray, float], Knots], mix: float) -> None:
        """To the knots that `place` finds for each input; exact on the range that it gives."""
        assert isinstance(basis, BSpline)
        knots, kept = zip(*(place(grid, basis.intervals, column, mix) for grid, column in self.columns), strict=True)
        old = self.knots
        new = torch.tensor(np.array(knots), device=old.device).to(self.layer.coefficients.dtype)
        ends = torch.tensor(kept, device=old.device, dtype=new.dtype).double()
        self._replace(basis, reexpress(self._terms.double(), old, new.double(), ends, basis.degree), new)

    @property
    def _terms(self) -> Tensor:
        """The coefficients of the basis, without the weight of a base branch: (n_in, n_terms, n_out)."""
        return self.layer.dense(self.layer.coefficients.detach())[:, : self.layer.basis.n_terms]

    def _replace(self, basis: Basis, terms: Tensor, knots: Tensor | None = None) -> None:
        old = self.layer.coefficients
        beside = self.layer.dense(old.detach())[:, self.layer.basis.n_terms :]
        new = self.layer.of_edges(torch.cat([terms.to(old.dtype), beside], dim=1))
        self.layer.coefficients = nn.Parameter(new, old.requires_grad)
        self.layer.basis, self.layer.knots = basis, knots
