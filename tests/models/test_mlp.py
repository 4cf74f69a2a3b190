"""MLPs against NumPy, and their initialization."""

import math

import numpy as np
import pytest
import torch
from scipy import interpolate, special

from kanbench.models import MLP, Activation
from kanbench.models.mlp import SPLINE

FIXED = {
    Activation.relu: lambda x: np.maximum(x, 0.0),
    Activation.silu: lambda x: x * special.expit(x),
    Activation.gelu: lambda x: x * special.ndtr(x),
    Activation.tanh: np.tanh,
}
EVERY = pytest.mark.parametrize("activation", list(Activation))


def mlp(shape, activation, seed=0):
    return MLP(shape, activation, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spline(coefficients):
    """silu plus one cubic spline per node, by SciPy; zero off the extended knots."""
    step = (SPLINE.high - SPLINE.low) / SPLINE.intervals
    t = SPLINE.low + step * np.arange(-3, SPLINE.intervals + 4)
    elements = [interpolate.BSpline.basis_element(t[i : i + 5], extrapolate=False) for i in range(SPLINE.n_terms)]

    def apply(x):
        features = np.nan_to_num(np.stack([element(x) for element in elements], axis=-1))
        return x * special.expit(x) + (features * coefficients).sum(-1)

    return apply


def numpy_forward(module, activation, x):
    modules = list(module)
    for affine, node in zip(modules[::2], [*modules[1::2], None], strict=True):
        x = x @ affine.weight.detach().numpy() + affine.bias.detach().numpy()
        if node is not None:
            x = FIXED[activation](x) if activation in FIXED else spline(node.coefficients.detach().numpy())(x)
    return x


@EVERY
@pytest.mark.parametrize("shape", [[2, 1], [3, 7, 1], [2, 6, 5, 2]], ids=str)
def test_equals_numpy(activation, shape):
    module = mlp(shape, activation)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    x = np.random.default_rng(0).uniform(-2.0, 2.0, (30, shape[0]))
    expected = numpy_forward(module, activation, x)
    np.testing.assert_allclose(module(torch.tensor(x)).detach().numpy(), expected, rtol=1e-10, atol=1e-10)


def test_spline_activations_start_as_silu():
    x = torch.linspace(-1.0, 1.0, 40, dtype=torch.float64).reshape(20, 2)
    spline_mlp, silu_mlp = mlp([2, 5, 4, 1], Activation.bspline), mlp([2, 5, 4, 1], Activation.silu)
    torch.testing.assert_close(spline_mlp(x), silu_mlp(x), rtol=0.0, atol=0.0)


@pytest.mark.parametrize(
    ("activation", "variance"), [(Activation.relu, 2.0), (Activation.silu, 1.0), (Activation.tanh, 1.0)]
)
def test_weights_start_normal_and_biases_uniform(activation, variance):
    first, _, second = mlp([50, 400, 300], activation)
    assert first.weight.std().item() == pytest.approx(math.sqrt(variance / 50), rel=0.02)
    assert second.weight.std().item() == pytest.approx(math.sqrt(variance / 400), rel=0.02)
    kurtosis = (second.weight**4).mean() / (second.weight**2).mean() ** 2
    assert kurtosis.item() == pytest.approx(3.0, rel=0.05)
    for bias in (first.bias, second.bias):
        assert -1.0 <= bias.min() < -0.95
        assert 0.95 < bias.max() <= 1.0
        assert bias.std().item() == pytest.approx(1 / math.sqrt(3), rel=0.1)


@EVERY
def test_a_generator_leaves_the_global_one_alone(activation):
    before = torch.get_rng_state()
    mlp([2, 5, 1], activation)
    assert torch.equal(torch.get_rng_state(), before)


@EVERY
def test_the_seed_decides_the_weights(activation):
    same, again, other = (mlp([2, 5, 1], activation, seed=s).state_dict() for s in (7, 7, 8))
    assert all(torch.equal(same[name], again[name]) for name in same)
    assert not torch.equal(same["0.weight"], other["0.weight"])
    assert not torch.equal(same["0.bias"], other["0.bias"])


def test_random_fourier_features_are_sines_and_cosines_of_frequencies_that_are_not_trained():
    model = MLP([3, 6, 1], frequencies=4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (30, 3))
    angles = x @ model[0].frequencies.numpy()
    model_of_features = torch.nn.Sequential(torch.nn.Linear(8, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1)).double()
    with torch.no_grad():
        for ours, theirs in zip(list(model)[::2], list(model_of_features)[::2], strict=True):
            theirs.weight.copy_(ours.weight.T)
            theirs.bias.copy_(ours.bias)
    expected = model_of_features(torch.tensor(np.hstack([np.sin(angles), np.cos(angles)])))
    torch.testing.assert_close(model(torch.tensor(x)), expected, rtol=1e-12, atol=1e-14)
    assert "0.frequencies" not in dict(model.named_parameters())
    assert "0.frequencies" in model.state_dict()


def test_random_frequencies_are_normal_and_hidden_inputs_start_with_the_variance_of_the_weights_in_any_activation():
    generator = torch.Generator().manual_seed(0)
    model = MLP([20, 500, 1], frequencies=300, scale=2.5, generator=generator, dtype=torch.float64)
    frequencies = model[0].frequencies
    assert frequencies.std().item() == pytest.approx(2.5, rel=0.03)
    assert ((frequencies**4).mean() / (frequencies**2).mean() ** 2).item() == pytest.approx(3.0, rel=0.1)
    x = torch.rand(200, 20, generator=generator, dtype=torch.float64) * 2 - 1
    before_bias = model[0](x) - model[0].bias
    assert before_bias.var().item() == pytest.approx(1.0, rel=0.05)
