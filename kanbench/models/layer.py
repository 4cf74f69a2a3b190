"""The layer of a Kolmogorov-Arnold network."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from kanbench.bases import Basis, BSpline
from kanbench.errors import chosen, require
from kanbench.models.linear import FeatureLinear, require_widths
from kanbench.models.starts import coefficient_std, require_functions, start_from_functions
from kanbench.models.switches import Aggregation, BaseBranch, EdgeScale, Initialization, Squash

ROUNDING = 5e-7  # share of the domain's width; an input off the domain by less counts as on its edge


class KANLayer(FeatureLinear):
    """A layer of learnable functions phi_ij, one for each edge from input i to output j: (..., n_in) -> (..., n_out).

    y_j = A_i phi_ij(x_i) + bias_j, with phi_ij(x) = sum_t c_ijt B_t(x) + w_ij b(x), where A is the aggregation, B_t the
    basis and b the base branch. Inputs off the domain of the basis give finite outputs; `squash=Squash.tanh` keeps
    inputs on the domain.

    Args:
        n_in, n_out: the numbers of inputs and outputs, at least 1.
        basis: the family of functions B_t; `BSpline()` if None.
        aggregation: the way in which a node combines its edges: sum, mean (sum / n_in), or sum / sqrt(n_in).
        base_branch: the function b beside the basis; none leaves it out.
        bias: whether each output has a learnable bias, zero at the start.
        edge_scale: a learnable magnitude for each edge.
        squash: the map of the inputs before the basis.
        initialization: the rule for the standard deviation of the starting coefficients.
        gain: the number in that rule.
        edges: the pairs (input, output) that exist; all of them if None. Parameters exist for these edges alone. The
            aggregation still counts all n_in inputs.
        generator: the source of the random start; the default one of torch if None.
        dtype: the precision of the parameters.

    The parameters are `coefficients` (n_in, n_terms, n_out), or (n_edges, n_terms) in the order of the sorted pairs if
    only some edges exist. The last term is the weight w of the base branch where it has one. `bias` is (n_out,). A
    basis with parameters of its own has `inner` (n_in, n_inner), zero at the start and shared by all edges leaving an
    input, so the basis is expanded once per input.

    Raises:
        ValueError: for a width under 1, an unknown choice, or a list of edges that is empty, repeats a pair or names
            one outside the layer.

    Source: Liu et al. 2024 (arXiv:2404.19756), eqs. 2.5 and 2.10.

    Example:
        >>> import torch
        >>> from kanbench import KANLayer
        >>> from kanbench.bases import Chebyshev
        >>> layer = KANLayer(2, 3, Chebyshev(degree=4))
        >>> layer(torch.zeros(10, 2)).shape, layer.coefficients.shape
        (torch.Size([10, 3]), torch.Size([2, 4, 3]))
    """

    bias: nn.Parameter | None
    inner: nn.Parameter | None

    def __init__(
        self,
        n_in: int,
        n_out: int,
        basis: Basis | None = None,
        aggregation: Aggregation = Aggregation.sum,
        *,
        base_branch: BaseBranch = BaseBranch.none,
        bias: bool = True,
        edge_scale: EdgeScale = EdgeScale.none,
        squash: Squash = Squash.none,
        initialization: Initialization = Initialization.variance,
        gain: float = 0.3,
        edges: Iterable[tuple[int, int]] | None = None,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_widths("n_in and n_out", (n_in, n_out))
        require(basis is None or isinstance(basis, Basis), "basis", "must be a Basis", basis)
        self.n_in, self.n_out = n_in, n_out
        self.edges = None if edges is None else some_edges(edges, n_in, n_out)
        self.basis = BSpline() if basis is None else basis
        self.aggregation = chosen(Aggregation, "aggregation", aggregation)
        self.base_branch = chosen(BaseBranch, "base_branch", base_branch)
        self.edge_scale = chosen(EdgeScale, "edge_scale", edge_scale)
        self.squash = chosen(Squash, "squash", squash)
        self.factor = self.aggregation.factor(n_in)
        self.is_linear = self.edge_scale is EdgeScale.none and self.edges is None
        initialization = chosen(Initialization, "initialization", initialization)
        of_functions = initialization is Initialization.functions
        std = 0.0 if of_functions else coefficient_std(self.basis, n_in, n_out, initialization, gain)
        n_terms = self.basis.n_terms + self._base_has_weight
        shape = (n_in, n_terms, n_out) if self.edges is None else (len(self.edges), n_terms)
        drawn = (
            torch.zeros(shape, dtype=dtype) if of_functions else torch.randn(shape, generator=generator, dtype=dtype)
        )
        self.coefficients = nn.Parameter(drawn * std)
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=dtype)) if bias else None
        self.register_buffer("knots", None)
        self.knots: Tensor | None  # (n_in, n_knots) of a grid that has moved; None while the basis has its own
        if self.edge_scale is not EdgeScale.none:
            self.scale = nn.Parameter(torch.ones(shape[::2] if self.edges is None else shape[:1], dtype=dtype))
        self.has_inner = self.basis.n_inner > 0
        self.inner = nn.Parameter(torch.zeros(n_in, self.basis.n_inner, dtype=dtype)) if self.has_inner else None
        if of_functions:
            require_functions(initialization, bias, self.edge_scale)
            start_from_functions(self, gain, generator)

    @property
    def _base_has_weight(self) -> bool:
        return self.base_branch is not BaseBranch.none and self.edge_scale is not EdgeScale.edge

    def features(self, x: Tensor, inner: Tensor | None = None) -> Tensor:
        """Return the basis functions and base branch of every input.

        (..., n_in) -> (..., n_in * n_terms); `inner` (..., n_in, n_inner) replaces the layer's own inner parameters.
        """
        return self.terms(self.squashed(x), inner).flatten(-2)

    def terms(self, z: Tensor, inner: Tensor | None = None) -> Tensor:
        """Evaluate the basis functions and the base branch at squashed inputs: (..., n_in) -> (..., n_in, n_terms)."""
        terms = self.expand(z, inner)
        if self.base_branch is BaseBranch.none:
            return terms
        return torch.cat([terms, self.base_branch.apply(z).unsqueeze(-1)], dim=-1)

    def squashed(self, x: Tensor) -> Tensor:
        """Return the inputs as the basis and the base branch see them: (..., n_in) -> same shape."""
        return self.basis.from_unit(torch.tanh(x)) if self.squash is Squash.tanh else x

    def expand(self, x: Tensor, inner: Tensor | None = None) -> Tensor:
        """Evaluate the basis at squashed inputs, on the knots or with the inner parameters of this layer.

        (..., n_in) -> (..., n_in, n_terms); `inner` (..., n_in, n_inner) replaces the layer's own inner parameters.
        """
        if self.inner is not None:
            return self.basis.expand_with(x, self.inner if inner is None else inner)
        return self.basis.expand(x) if self.knots is None else self.basis.expand_on(x, self.knots)

    @torch.no_grad()
    def share_off_domain(self, z: Tensor) -> float:
        """Return the share of squashed inputs z (n, n_in) that lie off the domain of the basis, or of the layer's own
        knots.
        """
        low, high = self.domain
        slack = ROUNDING * (high - low)
        return ((z < low - slack) | (z > high + slack)).double().mean().item()

    @property
    def domain(self) -> tuple[Tensor, Tensor]:
        """Lower and upper end of the domain: two scalars, or two tensors (n_in,) if the layer has knots of its own."""
        if self.knots is None:
            return torch.tensor(self.basis.low), torch.tensor(self.basis.high)
        assert isinstance(self.basis, BSpline)
        return self.knots[:, self.basis.degree], self.knots[:, -self.basis.degree - 1]

    def forward(self, x: Tensor) -> Tensor:
        self.require_input(x, self.n_in)
        return self.apply_to(self.features(x), self.node_weights(), self.bias)

    def edge_outputs(self, x: Tensor) -> Tensor:
        """Return the contribution of every edge to its node, with the factor of the aggregation.

        (..., n_in) -> (..., n_in, n_out), zero where there is no edge.
        """
        weights = self.node_weights()
        return torch.einsum("...it,ito->...io", self.features(x).unflatten(-1, weights.shape[:2]), weights)

    @property
    def units(self) -> dict[str, float]:
        return {self._magnitude: self.factor}

    @property
    def _magnitude(self) -> str:
        """The parameter that an edge is proportional to."""
        return "scale" if self.edge_scale is EdgeScale.edge else "coefficients"

    def node_weights(self) -> Tensor:
        """Return `weights` times the factor of the aggregation: what the features add to the nodes."""
        return self.weights() if self.factor == 1.0 else self.weights() * self.factor

    def weights(self) -> Tensor:
        """Return the matrix of the edges' coefficients: (n_in, n_terms, n_out), zero where there is no edge."""
        coefficients = self.dense(self.coefficients)
        if self.edge_scale is EdgeScale.none:
            return coefficients
        return self._scaled(coefficients, self.dense(self.scale).unsqueeze(1))

    @property
    def active(self) -> Tensor:
        """Mask of the edges that exist: bool (n_in, n_out)."""
        return self.dense(self.coefficients.new_ones(self.coefficients.shape[::2])) > 0

    def sublayer(self, inputs: Tensor, outputs: Tensor, edges: Tensor) -> "KANLayer":
        """Return a layer between some inputs and outputs, with some of the edges and the same functions on them.

        Where the aggregation depends on n_in, its change goes into the parameters.

        Args:
            inputs: mask of the inputs that stay: bool (n_in,).
            outputs: mask of the outputs that stay: bool (n_out,).
            edges: mask of the edges that stay: bool (n_in, n_out).

        Raises:
            ValueError: if no edge remains.
        """
        chosen = edges[inputs][:, outputs]
        layer = KANLayer(
            chosen.shape[0],
            chosen.shape[1],
            self.basis,
            self.aggregation,
            base_branch=self.base_branch,
            bias=self.bias is not None,
            edge_scale=self.edge_scale,
            squash=self.squash,
            edges=((i, j) for i, j in chosen.nonzero().tolist()),
            generator=torch.Generator(),
            dtype=self.coefficients.dtype,
        ).to(self.coefficients.device)

        def part(values: Tensor) -> Tensor:
            return layer.of_edges(self.dense(values)[inputs][..., outputs])

        with torch.no_grad():
            layer.coefficients.copy_(part(self.coefficients))
            if self.edge_scale is not EdgeScale.none:
                layer.scale.copy_(part(self.scale))
            if layer.bias is not None and self.bias is not None:
                layer.bias.copy_(self.bias[outputs])
            if self.knots is not None:
                layer.knots = self.knots[inputs].clone()
            if layer.inner is not None and self.inner is not None:
                layer.inner.copy_(self.inner[inputs])
            for name, parameter in layer.named_parameters():
                parameter.requires_grad_(self.get_parameter(name).requires_grad)
            layer.get_parameter(self._magnitude).mul_(self.factor / layer.factor)
        return layer

    def dense(self, values: Tensor) -> Tensor:
        """Spread values of edges over all pairs: (n_edges, ...) -> (n_in, ..., n_out), zero where there is no edge.

        A layer with all edges stores its values in that shape already.
        """
        if self.edges is None:
            return values
        zeros = values.new_zeros(self.n_in, self.n_out, *values.shape[1:])
        return zeros.index_put(self._places(values), values).movedim(1, -1)

    def of_edges(self, values: Tensor) -> Tensor:
        """Return the values of the edges that exist, the inverse of `dense`: (n_in, ..., n_out) -> (n_edges, ...)."""
        return values if self.edges is None else values.movedim(-1, 1)[self._places(values)]

    def _places(self, values: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = torch.tensor(self.edges, device=values.device).T
        return rows, columns

    def _scaled(self, coefficients: Tensor, scale: Tensor) -> Tensor:
        """Apply the edge scale: w_s to the basis alone beside a weighted base branch, or w to both if `edge_scale` is
        edge.
        """
        if self.base_branch is BaseBranch.none:
            return coefficients * scale
        if self.edge_scale is EdgeScale.edge:
            return torch.cat([coefficients * scale, scale], dim=1)
        return torch.cat([coefficients[:, :-1] * scale, coefficients[:, -1:]], dim=1)

    def extra_repr(self) -> str:
        switches = {name: getattr(self, name) for name in ("base_branch", "edge_scale", "squash")}
        parts = [f"{name}={switch.value}" for name, switch in switches.items() if switch.value != "none"]
        parts += ["bias=False"] * (self.bias is None)
        parts += [] if self.edges is None else [f"{len(self.edges)} edges"]
        parts += ["moved knots"] * (self.knots is not None)
        return ", ".join([f"{self.n_in}, {self.n_out}, {self.basis}, {self.aggregation.value}", *parts])

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Take over or drop knots of the layer's own, as the layer that was saved had some or none."""
        if f"{prefix}knots" in state_dict and isinstance(self.basis, BSpline):
            if self.knots is None:
                uniform = self.basis.uniform_knots().to(self.coefficients.device, self.coefficients.dtype)
                self.knots = uniform.repeat(self.n_in, 1)
        elif f"{prefix}coefficients" in state_dict:
            self.knots = None
        super()._load_from_state_dict(state_dict, prefix, *rest)


def some_edges(edges: Iterable[tuple[int, int]], n_in: int, n_out: int) -> tuple[tuple[int, int], ...] | None:
    """Return the edges in order; None if they are all that can exist, because such a layer is an ordinary dense one.

    Raises `ValueError` if the list is empty, repeats a pair or names one outside the layer.
    """
    ordered = tuple(sorted((i, j) for i, j in edges))
    require(len(ordered) > 0, "edges", "must hold at least one pair (input, output)", ordered)
    for i, j in ordered:
        require(
            0 <= i < n_in and 0 <= j < n_out, "edges", f"must be pairs (input, output) below ({n_in}, {n_out})", (i, j)
        )
    for edge, following in pairwise(ordered):
        require(edge != following, "edges", "must not repeat a pair", edge)
    return None if len(ordered) == n_in * n_out else ordered
