"""B-splines on any knots."""

import torch
from torch import Tensor


def expand_on_knots(x: Tensor, knots: Tensor, degree: int) -> Tensor:
    """Evaluate every B-spline on strictly increasing knots for each feature; the splines are zero off the outermost
    knots.

    The recursion runs over the degree + 1 functions that are non-zero at a point, so its cost does not depend on the
    number of knots.

    Args:
        x: points (..., d).
        knots: knots (d, n_knots).
        degree: the degree of the splines.

    Returns:
        The values (..., d, n_knots - degree - 1).

    Source: de Boor, "A Practical Guide to Splines" (1978), chapter X, algorithm BSPLVB.
    """
    d, n_knots = knots.shape
    n_terms = n_knots - degree - 1
    z = x.movedim(-1, 0).reshape(d, -1).clamp(knots[:, :1], knots[:, -1:])  # all functions are zero at both ends
    # Clones: under vmap `contiguous` looks at one member, and may leave strides between members.
    inner, points = (v.detach().clone(memory_format=torch.contiguous_format) for v in (knots[:, 1:-1], z))
    interval = torch.searchsorted(inner, points, right=True)
    # An end stands in for the knots beyond it: they change only functions that are dropped below.
    near = [knots.gather(1, (interval + i).clamp(0, n_knots - 1)) for i in range(1 - degree, degree + 1)]
    pieces = torch.stack(_pieces(z, near, degree), dim=-1).movedim(0, -2).reshape(*x.shape, degree + 1)
    # Function j lives at column j + degree of a buffer with room for the pieces that fall off either end.
    column = interval.mT.reshape(x.shape).unsqueeze(-1) + torch.arange(degree + 1, device=x.device)
    buffer = pieces.new_zeros(*x.shape, n_terms + 2 * degree).scatter(-1, column, pieces)
    return buffer[..., degree : degree + n_terms]


def _pieces(x: Tensor, near: list[Tensor], degree: int) -> list[Tensor]:
    """Return the degree + 1 functions that are non-zero at x, which lies between the middle two of 2 degree knots."""
    pieces = [torch.ones_like(x)]
    for k in range(1, degree + 1):
        left, right = near[degree - k : degree], near[degree : degree + k]
        # Every difference spans the interval of x, so none is zero.
        shares = [piece / (b - a) for piece, a, b in zip(pieces, left, right, strict=True)]
        rising = [(x - a) * share for a, share in zip(left, shares, strict=True)]
        falling = [(b - x) * share for b, share in zip(right, shares, strict=True)]
        pieces = [falling[0], *(r + f for r, f in zip(rising, falling[1:], strict=False)), rising[-1]]
    return pieces
