"""The contract of a basis, checked before the first training: each check finds a fault in one sentence."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.func import grad, vmap

from kanbench.bases import Basis
from kanbench.bases.own import outside_of
from kanbench.cells.contract import Finding, outcomes, unseen
from kanbench.cells.subject import ContractFault
from kanbench.errors import shown

GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples stay clear of every simple fraction, and so of every knot
POINTS = 40
CLOSE = 1e-5  # relative difference of a slope from its central difference
FAR = 1e3
MOST_TERMS = 1_000


def _points(basis: Basis, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return points inside the domain: (n, 2)."""
    inside = torch.arange(1, POINTS + 1, dtype=torch.float64).mul(GOLDEN).frac()
    return (basis.low + (basis.high - basis.low) * inside).to(dtype).reshape(-1, 2)


def _expand(basis: Basis, x: Tensor) -> Tensor:
    try:
        terms = basis.expand(x)
    except Exception as error:
        raise ContractFault(f"expand fails on inputs {tuple(x.shape)}: {type(error).__name__}: {error}") from error
    if not isinstance(terms, Tensor):
        raise ContractFault(f"expand must return a tensor, got {shown(terms)}")
    return terms


def _derivative(basis: Basis, x: Tensor) -> Tensor:
    """Return the derivative of every function at every point by autograd: (n,) -> (n, n_terms)."""
    x = x.clone().requires_grad_()
    terms = _expand(basis, x)
    if not terms.requires_grad:
        raise ContractFault("its functions have no derivative: expand must be made of torch operations on its input")
    slopes = [torch.autograd.grad(column.sum(), x, retain_graph=True)[0] for column in terms.unbind(-1)]
    return torch.stack(slopes, dim=-1)


def has_shape(basis: Basis) -> str:
    """Look at the number of functions and the shape of their values."""
    n = basis.n_terms
    if type(n) is not int or not 1 <= n <= MOST_TERMS:
        raise ContractFault(f"n_terms must be an integer from 1 to {MOST_TERMS:,}, got {shown(n)}")
    for shape in ((2,), (3, 2), (5, 3, 2)):
        found = tuple(_expand(basis, torch.zeros(shape, dtype=torch.float64)).shape)
        if found != (*shape, n):
            raise ContractFault(f"expand must return shape {(*shape, n)} for inputs {shape}, got {found}")
    return f"(.., d) to (.., d, {n})"


def keeps_dtype(basis: Basis) -> str:
    """Look at the precision of the values."""
    for dtype in (torch.float32, torch.float64):
        if (found := _expand(basis, _points(basis, dtype)).dtype) != dtype:
            raise ContractFault(f"expand returns {found} for inputs of {dtype}")
    return "values have the precision of the inputs"


def is_finite(basis: Basis) -> str:
    """Look for values and derivatives that are not finite, on the domain and off it."""
    huge = torch.finfo(torch.float64).max
    special = [0.0, basis.low, basis.high, (basis.low + basis.high) / 2, FAR, -FAR]
    for number in (*special, *_points(basis).flatten().tolist()):
        _require_finite(basis, number)
    try:
        _require_finite(basis, huge)
    except ContractFault as fault:
        return f"!{fault}"
    return "values and derivatives are finite on the domain and off it"


def _require_finite(basis: Basis, number: float) -> None:
    x = torch.tensor([number], dtype=torch.float64)
    if not _expand(basis, x).isfinite().all():
        raise ContractFault(f"its values are not finite at {number:.3g}")
    if not _derivative(basis, x).isfinite().all():
        raise ContractFault(f"its derivatives are not finite at {number:.3g}")


def has_true_derivative(basis: Basis) -> str:
    """Compare derivatives with central differences."""
    x, h = _points(basis).flatten(), 1e-5 * (basis.high - basis.low) / 2
    with torch.no_grad():
        difference = (_expand(basis, x + h) - _expand(basis, x - h)) / (2 * h)
    exact = _derivative(basis, x)
    off = float((exact - difference).abs().max() / max(1.0, float(exact.abs().max())))
    if off > CLOSE:
        raise ContractFault(f"its derivative is {off:.1g} off a central difference, relative to the largest")
    if not exact.abs().max() > 0:
        raise ContractFault("all of its functions are constant on the domain")
    return f"derivatives and central differences agree to {max(off, 1e-12):.0e}"


def keeps_points_apart(basis: Basis) -> str:
    """Compare values at one point alone with those in a batch."""
    x = _points(basis)
    together = _expand(basis, x)
    for row in range(3):
        for column in range(2):
            alone = _expand(basis, x[row : row + 1, column : column + 1])[0, 0]
            if not torch.allclose(alone, together[row, column], rtol=1e-9, atol=1e-9):
                raise ContractFault("its value at a point depends on the other points of the batch")
    return "the value at a point depends on no other point"


def batches(basis: Basis) -> str:
    """Compare values and gradients under vmap with a loop."""
    x = _points(basis).reshape(4, -1, 2)
    slope = grad(lambda rows: basis.expand(rows).square().sum())
    try:
        together, slopes = vmap(basis.expand)(x), vmap(slope)(x)
    except Exception as error:
        raise ContractFault(
            f"vmap does not take expand: {type(error).__name__}: {str(error).splitlines()[0]}"
        ) from error
    if not torch.allclose(together, torch.stack([basis.expand(each) for each in x]), rtol=1e-9, atol=1e-9):
        raise ContractFault("expand under vmap differs from a loop")
    if not torch.allclose(slopes, torch.stack([slope(each) for each in x]), rtol=1e-7, atol=1e-7):
        raise ContractFault("gradients under vmap differ from a loop")
    return "members are computed at once"


def has_inner_parameters(basis: Basis) -> str:
    """Compare functions with inner parameters at zero with those without."""
    if not basis.n_inner:
        return "none"
    x = _points(basis)
    try:
        start = basis.expand_with(x, x.new_zeros(2, basis.n_inner))
    except Exception as error:
        raise ContractFault(f"expand_with fails: {type(error).__name__}: {error}") from error
    if start.shape != _expand(basis, x).shape or not torch.allclose(start, _expand(basis, x), rtol=1e-9, atol=1e-9):
        raise ContractFault("expand_with with parameters of zero must equal expand")
    return f"{basis.n_inner} for each input"


CHECKS: dict[str, Callable[[Basis], str]] = {  # in this order: later ones rely on earlier ones
    "shape": has_shape,
    "precision": keeps_dtype,
    "finite": is_finite,
    "points": keeps_points_apart,
    "derivative": has_true_derivative,
    "members": batches,
    "inner": has_inner_parameters,
}


def findings_of_basis(basis: Basis) -> Iterator[Finding]:
    """Yield the outcome of every check of a basis, up to the first fault, then modules that its key does not see."""
    found = list(outcomes(CHECKS, basis))
    yield from found
    if not found[-1].is_fault and (outside := outside_of(type(basis))):
        yield Finding("source", unseen(outside), is_remark=True)
