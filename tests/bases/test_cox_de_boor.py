"""Splines on any knots against SciPy's, and the same splines on other knots against its knot insertion."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import interpolate

from kanbench.bases import BSpline
from kanbench.bases.blossom import reexpress
from kanbench.bases.cox_de_boor import expand_on_knots

some = settings(max_examples=40, deadline=None)
EVERYWHERE = (-np.inf, np.inf)


@st.composite
def knots(draw, degree, most=8):
    """Strictly increasing, with spacings over four decades, and one interval at least."""
    n = 2 * degree + draw(st.integers(1, most))
    spacings = 10.0 ** np.array(draw(st.lists(st.floats(-4.0, 0.0), min_size=n, max_size=n)))
    return draw(st.floats(-3.0, 3.0)) + np.concatenate([[0.0], np.cumsum(spacings)])


def elements(t, degree, x, derivative=0):
    """Every B-spline on t by SciPy, zero off its support: (n,) -> (n, n_terms)."""
    splines = [
        interpolate.BSpline.basis_element(t[i : i + degree + 2], extrapolate=False) for i in range(len(t) - degree - 1)
    ]
    return np.nan_to_num(np.stack([spline(x, nu=derivative) for spline in splines], axis=-1))


def points(t, n=60, seed=0):
    """Half of them spread over the line, half in every interval alike; some off the knots."""
    generator = np.random.default_rng(seed)
    width = t[-1] - t[0]
    place = generator.integers(0, len(t) - 1, n)
    inside = t[place] + generator.uniform(0.0, 1.0, n) * np.diff(t)[place]
    return np.concatenate([generator.uniform(t[0] - width / 5, t[-1] + width / 5, n), inside])


def expand(x, t, degree):
    return expand_on_knots(torch.tensor(x).unsqueeze(-1), torch.tensor(t).unsqueeze(0), degree).squeeze(-2)


@some
@given(data=st.data(), degree=st.integers(1, 5))
def test_equals_the_basis_elements_of_scipy(data, degree):
    t = data.draw(knots(degree))
    x = points(t)
    np.testing.assert_allclose(expand(x, t, degree), elements(t, degree, x), atol=1e-11)


@some
@given(data=st.data(), degree=st.integers(2, 5))
def test_slopes_equal_the_derivatives_of_scipy(data, degree):
    t = data.draw(knots(degree))
    x = points(t)
    z = torch.tensor(x).unsqueeze(-1).requires_grad_()
    values = expand_on_knots(z, torch.tensor(t).unsqueeze(0), degree).unbind(-1)
    slopes = [torch.autograd.grad(each.sum(), z, retain_graph=True)[0].squeeze(-1) for each in values]
    exact = elements(t, degree, x, derivative=1)
    np.testing.assert_allclose(torch.stack(slopes, -1), exact, rtol=1e-8, atol=1e-10 * np.abs(exact).max())


@pytest.mark.parametrize("degree", range(1, 6))
def test_on_uniform_knots_equals_the_uniform_basis(degree):
    basis = BSpline(low=-0.4, high=1.7, degree=degree, intervals=7)
    t = basis.uniform_knots()
    x = torch.tensor(points(t.numpy())).reshape(-1, 2)
    torch.testing.assert_close(basis.expand_on(x, t.repeat(2, 1)), basis.expand(x), rtol=0.0, atol=1e-12)


def test_every_feature_of_every_member_has_knots_of_its_own():
    generator = np.random.default_rng(0)
    t = np.sort(generator.uniform(-1.0, 1.0, (3, 2, 11)))
    x = generator.uniform(-1.2, 1.2, (3, 20, 2))
    together = torch.vmap(lambda z, own: expand_on_knots(z, own, 3))(torch.tensor(x), torch.tensor(t))
    for m in range(3):
        for i in range(2):
            np.testing.assert_allclose(together[m, :, i], elements(t[m, i], 3, x[m, :, i]), atol=1e-12)


def test_finite_with_finite_slopes_at_every_knot_and_extreme():
    t = np.array([-2.0, -1.0, -1.0 + 1e-9, 0.0, 1.0, 1.5, 1.5 + 1e-12, 3.0])
    x = torch.tensor([*t, -1e300, 1e300, 0.0, -0.0]).unsqueeze(-1).requires_grad_()
    values = expand_on_knots(x, torch.tensor(t).unsqueeze(0), 3)
    assert values.isfinite().all()
    for each in values.unbind(-1):
        assert torch.autograd.grad(each.sum(), x, retain_graph=True)[0].isfinite().all()


def test_nan_harms_no_other_point():
    t = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64).unsqueeze(0)
    x = torch.tensor([0.1, torch.nan, 0.3], dtype=torch.float64).unsqueeze(-1)
    values = expand_on_knots(x, t, 2)
    assert values[1].isnan().any()
    torch.testing.assert_close(values[[0, 2]], expand_on_knots(x[[0, 2]], t, 2))


def moved(c, old, new, kept, degree):
    kept = torch.as_tensor(kept, dtype=torch.float64).reshape(1, 2)
    c, old, new = (torch.tensor(each).unsqueeze(0) for each in (c, old, new))
    return reexpress(c.unsqueeze(-1), old, new, kept, degree).flatten().numpy()


@some
@given(data=st.data(), degree=st.integers(1, 5))
def test_one_more_knot_equals_boehms_insertion_by_scipy(data, degree):
    t = data.draw(knots(degree))
    c = np.random.default_rng(0).normal(size=len(t) - degree - 1)
    at = t[degree] + data.draw(st.floats(0.05, 0.95)) * (t[-degree - 1] - t[degree])
    finer = interpolate.BSpline(t, c, degree).insert_knot(at)
    assume(np.diff(finer.t).min() > 1e-9)
    ours = moved(c, t, finer.t, EVERYWHERE, degree)
    np.testing.assert_allclose(ours, finer.c[: len(ours)], atol=1e-11)


@some
@given(data=st.data(), degree=st.integers(1, 5), more=st.integers(0, 20))
def test_inserted_knots_change_nothing_on_the_whole_line(data, degree, more):
    t = data.draw(knots(degree))
    generator = np.random.default_rng(more)
    c = generator.normal(size=len(t) - degree - 1)
    finer = np.unique(np.concatenate([t, generator.uniform(t[0], t[-1], more)]))
    x = points(finer)
    before = elements(t, degree, x) @ c
    after = elements(finer, degree, x) @ moved(c, t, finer, EVERYWHERE, degree)
    np.testing.assert_allclose(after, before, atol=1e-10)


@some
@given(data=st.data(), degree=st.integers(1, 5))
def test_other_knots_outside_a_range_change_nothing_inside(data, degree):
    t = data.draw(knots(degree))
    generator = np.random.default_rng(0)
    c = generator.normal(size=len(t) - degree - 1)
    width = t[-1] - t[0]
    low, high = np.sort(generator.uniform(t[0] - 0.2 * width, t[-1] + 0.2 * width, 2))
    inner = np.concatenate([[low], t[(t > low) & (t < high)], [high]])
    first, last = inner[1] - inner[0], inner[-1] - inner[-2]
    steps = np.arange(1, degree + 1)
    new = np.concatenate([low - first * steps[::-1], inner, high + last * steps])
    x = generator.uniform(low, high, 100)
    after = elements(new, degree, x) @ moved(c, t, new, [low, high], degree)
    np.testing.assert_allclose(after, elements(t, degree, x) @ c, atol=1e-10)


def test_halving_the_intervals_of_a_line_by_hand():
    # Degree 1: coefficients are the values at the inner knots, 0, 1, 0 at -1, 0, 1.
    old, new = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), np.array([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5])
    np.testing.assert_allclose(moved([0.0, 1.0, 0.0], old, new, [-1.0, 1.0], 1), [0.0, 0.5, 1.0, 0.5, 0.0])
