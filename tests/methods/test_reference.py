"""References against SymPy's monomials and the normal equations."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from kanbench.methods.reference import REFERENCES, RIDGES, Polynomial, TooManyTerms

CONSTANT, LINEAR, CUBIC = REFERENCES["regression"]


def data(n, n_in, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.uniform(-1.0, 1.0, (n, n_in))
    return x, np.exp(x[:, 0]) + x.sum(axis=1) ** 2 + 0.1 * generator.normal(size=n)


def fitted(reference, n=60, n_in=3):
    return reference.fit(*data(n, n_in), *data(50, n_in, seed=1))


@pytest.mark.parametrize("n_in", [1, 2, 4])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_monomials_are_those_of_sympy(degree, n_in):
    symbols = sympy.symbols(f"x:{n_in}")
    every = [m for m in sympy.itermonomials(symbols, degree) if m != 1]
    x, reference = data(7, n_in)[0], Polynomial("r", degree)
    expected = [np.broadcast_to(sympy.lambdify([symbols], m)(x.T), 7) for m in every]
    ours = reference.monomials(x)
    assert ours.shape == (7, len(every)) == (7, reference.count(n_in) - 1)
    for column in expected:
        assert (np.abs(ours - column[:, None]).max(axis=0) < 1e-14).sum() == 1


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("ridge", [0.0, 1e-3, 10.0])
def test_weights_solve_the_normal_equations_with_a_free_constant(degree, ridge):
    x, y = data(60, 2)
    reference = Polynomial("r", degree, (ridge,))
    a = np.column_stack([np.ones(60), reference.monomials(x)])
    penalty = 60 * ridge * np.diag([0.0, *np.ones(a.shape[1] - 1)])
    weights = np.linalg.solve(a.T @ a + penalty, a.T @ y)
    at = data(3_001, 2, seed=2)[0]
    expected = np.column_stack([np.ones(3_001), reference.monomials(at)]) @ weights
    np.testing.assert_allclose(reference.fit(x, y, x, y).predict(at), expected, rtol=1e-8)


def test_the_constant_is_the_training_mean():
    x, y = data(60, 3)
    assert fitted(CONSTANT).predict(x[:4]).tolist() == [y.mean()] * 4


def test_a_cubic_polynomial_is_found_exactly_and_a_quartic_is_not():
    x, at = data(100, 2)[0], data(100, 2, seed=1)[0]
    for power, exact in ((3, True), (4, False)):
        fit = CUBIC.fit(x, x[:, 0] ** power - 2 * x[:, 1], at, at[:, 0] ** power - 2 * at[:, 1])
        error = np.abs(fit.predict(at) - at[:, 0] ** power + 2 * at[:, 1]).max()
        assert (error < 1e-9) == exact


def test_validation_chooses_the_ridge():
    x, y, x_validation, y_validation = *data(25, 3), *data(50, 3, seed=1)
    errors = {
        ridge: np.square(fitted.predict(x_validation) - y_validation).sum()
        for ridge in RIDGES
        for fitted in [replace(CUBIC, ridges=(ridge,)).fit(x, y, x, y)]
    }
    chosen = CUBIC.fit(x, y, x_validation, y_validation).ridge
    assert chosen == min(errors, key=errors.get)
    assert RIDGES[0] < chosen < RIDGES[-1]
    assert CUBIC.fit(x, y, x, y).ridge < 1e-8  # training data choose the least, up to rounding


def test_fewer_rows_than_terms_and_columns_that_repeat_give_the_shortest_solution():
    x, y = data(8, 3)
    doubled = np.column_stack([x, x[:, 0]])
    a = np.column_stack([doubled - doubled.mean(axis=0)])
    expected = y.mean() + a @ np.linalg.pinv(a) @ (y - y.mean())
    np.testing.assert_allclose(LINEAR.fit(doubled, y, doubled, y).predict(doubled), expected)
    few = CUBIC.fit(x, y, x, y)
    assert CUBIC.count(3) == 20 > len(y)
    np.testing.assert_allclose(few.predict(x), y, atol=1e-6)


def test_a_polynomial_of_too_many_terms_is_refused():
    with pytest.raises(TooManyTerms, match="cubic ridge of 100 inputs has 176,851 terms; at most 10,000"):
        fitted(CUBIC, n=5, n_in=100)
