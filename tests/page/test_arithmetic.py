"""The page computes what torch computes."""

import pytest
import torch
from torch import nn

from kanbench import KAN, MLP
from kanbench.bases import BASES, BSpline, Chebyshev, Taylor
from kanbench.interpret import LIBRARY, Fit, attribute
from kanbench.models import Activation, Aggregation, BaseBranch, EdgeScale, Squash
from kanbench.page.networks import TWINS, candidates, plain_network
from kanbench.page.write import bundle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page")]
LIBRARY_GLOBALS = "Object.assign(globalThis, _bases, _library, _network);"


@pytest.fixture(scope="module")
def page(chromium):
    """A tab with the functions of the page, and nothing else of it."""
    tab = chromium.new_page()
    tab.add_script_tag(content=bundle("bases", "library", "network") + LIBRARY_GLOBALS)
    yield tab
    tab.close()


def grid(reach=1.0):
    axis = torch.linspace(-reach, reach, 21, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def shaken(model):
    """Coefficients of a trained network's size."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def kan(basis, **switches):
    return shaken(KAN([2, 3, 1], basis, generator=torch.Generator().manual_seed(0), dtype=torch.float64, **switches))


def predicted(page, model, x):
    outputs = page.evaluate("([layers, x]) => predict(layers, x)", [plain_network(model, x), x.tolist()])
    return torch.tensor(outputs, dtype=torch.float64)


def off(page, model, x):
    """The largest difference, relative to the largest output."""
    with torch.no_grad():
        truth = model(x).squeeze(1)
    return ((predicted(page, model, x) - truth).abs().max() / truth.abs().max()).item()


@pytest.mark.parametrize("name", BASES)
def test_every_basis_on_and_off_its_domain(page, name):
    model = kan(BASES[name]())
    exact = BASES[name] in TWINS
    assert off(page, model, grid()) < (1e-12 if exact else 1e-6)
    assert off(page, model, grid(1.5)) < (1e-12 if exact else 1e-6)


@pytest.mark.parametrize("name", BASES)
def test_every_basis_with_all_switches(page, name):
    switches = {"base_branch": BaseBranch.silu, "edge_scale": EdgeScale.edge, "squash": Squash.none}
    model = kan(BASES[name](low=-2.0, high=1.5), aggregation=Aggregation.mean, **switches)
    assert off(page, model, grid()) < (1e-12 if BASES[name] in TWINS else 1e-6)


@pytest.mark.parametrize(
    "basis",
    [
        *(Chebyshev(degree=1), Chebyshev(degree=5, constant=True), Taylor(degree=1, constant=True)),
        *(BSpline(degree=1), BSpline(degree=5, intervals=2)),
    ],
    ids=str,
)
def test_settings_at_their_ends(page, basis):
    assert off(page, kan(basis, base_branch=BaseBranch.linear), grid()) < 1e-12


def test_splines_on_knots_that_have_moved(page):
    model = kan(BSpline(intervals=4))
    for layer in model:
        steps = torch.rand(layer.n_in, 11, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 0.1
        layer.knots = -1.5 + 3.0 * (steps.cumsum(1) - steps[:, :1]) / (steps[:, 1:].sum(1, keepdim=True))
    assert off(page, model, grid()) < 1e-12


@pytest.mark.parametrize("name", [name for name in BASES if BASES[name] in TWINS])
def test_bases_without_a_twin_become_polynomials_that_know_their_error(page, monkeypatch, name):
    monkeypatch.setattr("kanbench.page.networks.TWINS", ())
    model = kan(BASES[name]())
    functions = plain_network(model, grid(1.5))[0]["functions"]
    assert functions["kind"] == "pieces"
    assert functions["error"] < 1e-8
    assert off(page, model, grid(1.5)) < 1e-7


@pytest.mark.parametrize("activation", Activation)
def test_mlps(page, activation):
    model = shaken(MLP([2, 4, 3, 1], activation, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    assert off(page, model, grid()) < 1e-12


def test_pruned_edges_are_none(page):
    model = kan(BSpline())
    half = model[0].active
    half[0, 1] = False
    everything = torch.ones(2, dtype=torch.bool), torch.ones(3, dtype=torch.bool)
    pruned = nn.Sequential(model[0].sublayer(*everything, half), model[1])
    assert plain_network(pruned, grid())[0]["active"] == half.tolist()
    assert off(page, pruned, grid()) < 1e-12


def test_scores_of_edges_are_those_of_attribute(page):
    model, x = kan(BSpline()), grid()
    scores = page.evaluate("([layers, x]) => attribute(run(layers, x))", [plain_network(model, x), x.tolist()])
    for ours, theirs in zip(scores, attribute(model, x).edges, strict=True):
        assert torch.allclose(torch.tensor(ours, dtype=torch.float64), theirs, rtol=1e-9)


@pytest.mark.parametrize("name", LIBRARY)
def test_symbolic_candidates_are_the_functions_of_the_library(page, name):
    fit = Fit(LIBRARY[name], 0.3, 1.0, 0.0 if name == "0" else -2.0, 0.25, 1.0)
    x = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64)
    plain = {"name": name, **{k: getattr(fit, k) for k in "abcd"}}
    values = page.evaluate("([fit, x]) => x.map((each) => evaluateFit(fit, each))", [plain, x.tolist()])
    assert values == pytest.approx(fit(x).tolist(), rel=1e-12)


def test_candidates_are_sought_where_it_matters():
    x = grid()
    model = KAN([2, 1, 1], Taylor(degree=2), squash=Squash.none, dtype=torch.float64)
    with torch.no_grad():
        model[0].coefficients.copy_(torch.tensor([[[0.0], [0.5]], [[0.25], [0.0]]]))  # x^2 / 2 + y / 4
    first = {tuple(each["edge"]): each["fits"][0] for each in candidates(model, x)[0]}
    assert first[0, 0]["name"] == "x^2"
    assert first[0, 0]["c"] == pytest.approx(0.5)
    assert first[1, 0]["name"] == "x"
    assert candidates(MLP([2, 3, 1], dtype=torch.float64), x) == []


@pytest.mark.parametrize(
    ("fit", "formula"),
    [
        ({"name": "sin", "a": 3.14159, "b": 0.0, "c": 2.0, "d": -0.5}, "2 sin(3.14 x) \u2212 0.5"),
        ({"name": "x^2", "a": 1.0, "b": -0.25, "c": 1.5, "d": 0.0}, "1.5 (x \u2212 0.25)²"),
        ({"name": "x", "a": 1.0, "b": 0.0, "c": -4.0, "d": 1.0}, "\u22124 x + 1"),
        ({"name": "1/x", "a": 2.0, "b": 3.0, "c": 1.0, "d": 0.0}, "1 · 1/(2 x + 3)"),
        ({"name": "0", "a": 1.0, "b": 0.0, "c": 0.0, "d": 0.5}, "0.5"),
    ],
)
def test_formulas_as_they_are_read(page, fit, formula):
    assert page.evaluate("(fit) => formulaOf(fit)", fit) == formula
