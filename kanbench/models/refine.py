"""Grid extension and grid updates of trained networks, which keep the function of the network.

Several models of one shape are changed together, as the members of an ensemble need it: whatever decides the shape of
their parameters is decided for all of them at once.
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
from kanbench.errors import are, counted, require
from kanbench.models.layer import KANLayer
from kanbench.models.linear import require_dtype
from kanbench.models.switches import Squash

Model = TypeVar("Model", bound=nn.Module)


def extend(model: Model, size: int, x: Tensor | None = None, *, mix: float = 0.0) -> Model:
    """Return a copy of a model with larger bases and the same function (grid extension).

    New coefficients of polynomials and harmonics are zero. Splines keep their knots and get new ones on the domain. The
    function stays the same on the whole line, with one exception: a uniform grid stays uniform, and therefore fast, if
    `size` is a multiple of its intervals, `mix` is 0, and either the squash of the layer or x shows that no input lies
    off the domain. Then the function changes off the domain only.

    Args:
        model: a KAN, a KAN layer, or a network that holds some.
        size: the new number of intervals, degree or harmonics, as the basis calls it.
        x: data (n, n_in) of the model; needed if `mix` is not 0.
        mix: the position of new knots, between even (0) and at the quantiles of the data (1).

    Raises:
        ValueError: for a smaller size, a basis that cannot grow, a mix outside [0, 1] or without x, an x that is not
            finite or has a wrong number of columns, and a model without KAN layers.

    Source: Liu et al. 2024 (arXiv:2404.19756), section 2.4; exact by knot insertion instead of least squares.

    Example:
        >>> import torch
        >>> from kanbench import KAN
        >>> from kanbench.models import extend
        >>> model, x = KAN([2, 5, 1]), torch.rand(10, 2)
        >>> finer = extend(model, 10)
        >>> finer[0].basis.intervals, torch.allclose(finer(x), model(x), atol=1e-5)
        (10, True)
    """
    return extend_all([model], size, None if x is None else [x], mix=mix)[0]


def extend_all(
    models: Sequence[Model], size: int, x: Sequence[Tensor] | Tensor | None = None, *, mix: float = 0.0
) -> list[Model]:
    """Return extended copies of models of one shape, each with its own data (n, n_in), see `extend`."""
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
    """Return a copy of a model whose spline knots follow the data, with the same function at the data (grid update).

    Knots between the smallest and the largest input of a column stay, because some function there would change without
    them. All other knots move to the range of the inputs. A constant column keeps its knots. Inputs off the domain need
    outer knots as well; by default a layer gets the least number of intervals with which every column can follow, which
    is more than before only in that case.

    Args:
        model: a KAN, a KAN layer, or a network that holds some.
        x: data (n, n_in) of the model.
        mix: the position of moved knots, between even (0) and at the quantiles of the data (1).
        intervals: the number of intervals of every layer; a column that would need more keeps its knots.

    Raises:
        ValueError: as `extend` does, and for a basis without knots.

    Source: Liu et al. 2024 (arXiv:2404.19756), section 2.2, without a change of the function at the data.
    """
    return update_grids([model], [x], mix=mix, intervals=intervals)[0]


def update_grids(
    models: Sequence[Model], x: Sequence[Tensor] | Tensor, *, mix: float = 0.5, intervals: int | None = None
) -> list[Model]:
    """Return copies with updated grids of models of one shape, each with its own data (n, n_in), see `update_grid`."""
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
    """Return the basis with the new size; raises `ValueError` if it cannot grow, or if it would shrink."""
    if not (name := basis.grows_by):
        raise ValueError(f"{type(basis).__name__} cannot be extended: no larger family holds its functions")
    now = getattr(basis, name)
    require(isinstance(size, int), name, "must be a whole number", size)
    require(size >= now, name, f"must not shrink from {now}", size)
    return replace(basis, **{name: size})


def _sites(models: Sequence[nn.Module], x: Sequence[Tensor] | Tensor | None) -> list[tuple["Site", ...]]:
    """Return one tuple for each KAN layer of the shared shape: the layer and its inputs in every model."""
    data = [None] * len(models) if x is None else list(x)
    require(len(data) == len(models), "x", f"must hold data for each of {len(models)} models", len(data))
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
        if strange:
            values = counted(strange, "value")
            raise ValueError(f"x must be finite wherever it enters a layer, got {values} that {are(strange)} not")
    return sites


def kan_layers_in(model: nn.Module) -> list[KANLayer]:
    """Return every KAN layer that a module is or holds, each once."""
    return [module for module in model.modules() if isinstance(module, KANLayer)]


def inputs_of_layers(model: nn.Module, x: Tensor) -> list[Tensor | None]:
    """Return the inputs (n, n_in) that the basis of each of `kan_layers_in` gets for data x, over all uses of the
    layer.

    The entry is None for a layer that no data reach. The model itself, running statistics included, does not change.
    """
    probe = deepcopy(model)
    layers = kan_layers_in(probe)
    seen: list[list[Tensor]] = [[] for _ in layers]
    for layer, of_layer in zip(layers, seen, strict=True):
        layer.expand = partial(_look, layer, of_layer)  # type: ignore[method-assign]
    with torch.no_grad():
        probe(x)
    return [torch.cat(of_layer) if of_layer else None for of_layer in seen]


def _look(layer: KANLayer, seen: list[Tensor], x: Tensor, inner: Tensor | None = None) -> Tensor:
    """Call `layer.expand` and remember its inputs."""
    seen.append(x.reshape(-1, layer.n_in))
    return type(layer).expand(layer, x, inner)


@dataclass(frozen=True)
class Site:
    """A layer that is changed in place, and the inputs of its basis for some data: (n, n_in), or None."""

    layer: KANLayer
    inputs: Tensor | None

    @property
    def knots(self) -> Tensor:
        """Knots of every input in float64, those of the layer or those of its basis: (n_in, n_knots)."""
        layer = self.layer
        if layer.knots is not None:
            return layer.knots.double()
        assert isinstance(layer.basis, BSpline)
        return layer.basis.uniform_knots().to(layer.coefficients.device).expand(layer.n_in, -1)

    @property
    def columns(self) -> list[tuple[Grid, np.ndarray]]:
        """The grid of every input with its data, which is empty where there is none."""
        assert isinstance(self.layer.basis, BSpline)
        dtype = self.layer.coefficients.dtype
        resolved = self.inputs is None or dtype in (torch.float32, torch.float64)
        require(resolved, "dtype", "must be float32 or float64 where knots follow data", dtype)
        degree, eps = self.layer.basis.degree, torch.finfo(dtype).eps
        grids = [Grid(row, degree, eps) for row in self.knots.cpu().numpy()]
        data = self.knots.new_empty(0, len(grids)) if self.inputs is None else self.inputs.double()
        return list(zip(grids, data.cpu().numpy().T, strict=True))

    def least_intervals(self) -> int:
        """Return the least number of intervals with which every column can follow its data."""
        return max(len(grid.needed(column)) - 1 for grid, column in self.columns)

    def may_stay_uniform(self, intervals: int) -> bool:
        """Return whether a uniform grid stays uniform: `intervals` is a multiple of its own, no input is off the
        domain.
        """
        basis = self.layer.basis
        if not isinstance(basis, BSpline) or self.layer.knots is not None or intervals % basis.intervals:
            return False
        if self.inputs is None:
            return self.layer.squash is Squash.tanh
        return all(grid.holds(column) for grid, column in self.columns)

    def grow(self, basis: Basis) -> None:
        """Change to a larger family that contains the old functions."""
        old, terms = self.layer.basis, self._terms
        new = terms.new_zeros(len(terms), basis.n_terms, terms.shape[2])
        new[:, old.positions_in(basis)] = terms
        self._replace(basis, new)

    def subdivide(self, basis: BSpline) -> None:
        """Change to a finer uniform grid; the function stays the same on the domain."""
        old = self.knots
        new = basis.uniform_knots().to(old.device).expand(len(old), -1)
        domain = new.new_tensor([basis.low, basis.high]).expand(len(old), -1)
        self._replace(basis, reexpress(self._terms.double(), old, new, domain, basis.degree))

    def regrid(self, basis: Basis, place: Callable[[Grid, int, np.ndarray, float], Knots], mix: float) -> None:
        """Change to the knots that `place` finds for each input; the function stays the same on the range that it
        returns.
        """
        assert isinstance(basis, BSpline)
        knots, kept = zip(*(place(grid, basis.intervals, column, mix) for grid, column in self.columns), strict=True)
        old = self.knots
        new = torch.tensor(np.array(knots), device=old.device).to(self.layer.coefficients.dtype)
        ends = torch.tensor(kept, device=old.device, dtype=new.dtype).double()
        self._replace(basis, reexpress(self._terms.double(), old, new.double(), ends, basis.degree), new)

    @property
    def _terms(self) -> Tensor:
        """Coefficients of the basis, without the weight of a base branch: (n_in, n_terms, n_out)."""
        return self.layer.dense(self.layer.coefficients.detach())[:, : self.layer.basis.n_terms]

    def _replace(self, basis: Basis, terms: Tensor, knots: Tensor | None = None) -> None:
        old = self.layer.coefficients
        beside = self.layer.dense(old.detach())[:, self.layer.basis.n_terms :]
        new = self.layer.of_edges(torch.cat([terms.to(old.dtype), beside], dim=1))
        self.layer.coefficients = nn.Parameter(new, old.requires_grad)
        self.layer.basis, self.layer.knots = basis, knots
