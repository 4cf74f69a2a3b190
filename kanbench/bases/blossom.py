"""Change of knots: the coefficients of the same splines on other knots."""

import torch
from torch import Tensor


def reexpress(coefficients: Tensor, old: Tensor, new: Tensor, kept: Tensor, degree: int) -> Tensor:
    """Return the coefficients, on new knots, of splines given by their coefficients on old knots.

    Coefficient j of a spline is the blossom of any of its polynomial pieces below function j, at the knots j + 1 .. j +
    degree. The widest piece within the range is taken, since no knot is far from it: every weight of the affine
    combinations below is at most degree + 1, so rounding errors cannot grow on uneven knots.

    Args:
        coefficients: (d, n, m), for d features and m splines on each.
        old: increasing knots (d, n + degree + 1).
        new: increasing knots (d, n' + degree + 1).
        kept: the range of each feature on which the result is exact: (d, 2). Every old knot inside it must be a new
            knot as well; its ends must be new knots, and every new function must reach into it. An infinite range means
            that knots are only inserted.
        degree: the degree of the splines.

    Returns:
        The new coefficients (d, n', m).

    Source: Ramshaw, "Blossoms are polar forms" (1989); the blossom by de Boor's triangle, one new knot per level.
    """
    n, n_knots = coefficients.shape[1], old.shape[1]
    home = _widest_interval(new, kept, degree)  # (d, n')
    middle = (new.gather(1, home) + new.gather(1, home + 1)) / 2
    interval = torch.searchsorted(old.contiguous(), middle, right=True) - 1  # index of an old knot: -1 .. n_knots - 1
    local = interval.unsqueeze(-1) + torch.arange(-degree, 1, device=old.device)  # old functions: (d, n', degree + 1)
    exists = (local >= 0) & (local < n) & (interval < n_knots - 1).unsqueeze(-1)
    feature = torch.arange(len(old), device=old.device).view(-1, 1, 1)
    points = coefficients[feature, local.clamp(0, n - 1)] * exists.unsqueeze(-1)  # (d, n', degree + 1, m)
    around = interval.clamp(0, n_knots - 2).unsqueeze(-1) + torch.arange(1 - degree, degree + 1, device=old.device)
    near = old[feature, around.clamp(0, n_knots - 1)]  # (d, n', 2 degree)
    for level in range(1, degree + 1):
        argument = new[:, level : level + new.shape[1] - degree - 1].unsqueeze(-1)
        left, right = near[..., level - 1 : degree], near[..., degree : 2 * degree - level + 1]
        weight = ((argument - left) / (right - left)).unsqueeze(-1)
        points = (1.0 - weight) * points[..., :-1, :] + weight * points[..., 1:, :]
    return points.squeeze(-2)


def _widest_interval(knots: Tensor, kept: Tensor, degree: int) -> Tensor:
    """Return the widest knot interval below each function, within the range `kept`: (d, n_knots), (d, 2) -> (d,
    n_terms).
    """
    low, high = kept.unsqueeze(-1).unbind(1)
    widths = torch.where((knots[:, :-1] >= low) & (knots[:, 1:] <= high), knots.diff(dim=1), 0.0)
    below = widths.unfold(1, degree + 1, 1)  # (d, n_terms, degree + 1)
    return below.argmax(dim=-1) + torch.arange(below.shape[1], device=knots.device)
