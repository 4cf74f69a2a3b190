"""The page computes what torch computes."""

import csv
import io
import json

import pytest
import torch
from torch import nn

from kanbench import KAN, MLP
from kanbench.analysis.spreadsheet import marked
from kanbench.bases import BASES, BSpline, Chebyshev, Rational, Taylor
from kanbench.interpret import LIBRARY, Fit, attribute
from kanbench.models import Activation, Aggregation, BaseBranch, EdgeScale, KANLayer, Squash
from kanbench.models.linear import Affine
from kanbench.models.mlp import FixedActivation
from kanbench.page.networks import NoPicture, candidates, plain_network
from kanbench.page.write import bundle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page")]
LIBRARY_GLOBALS = "Object.assign(globalThis, _bases, _library, _network, _csv);"


@pytest.fixture(scope="module")
def page(chromium):
    """A tab with the functions of the page, and nothing else of it."""
    tab = chromium.new_page()
    tab.add_script_tag(content=bundle("bases", "library", "network", "csv") + LIBRARY_GLOBALS)
    yield tab
    tab.close()


def grid(reach=1.0):
    axis = torch.linspace(-reach, reach, 21, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def random_start():
    return {"generator": torch.Generator().manual_seed(0), "dtype": torch.float64}


def shaken(model):
    """Coefficients of a trained network's size."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def kan(basis, **switches):
    return shaken(KAN([2, 3, 1], basis, **random_start(), **switches))


def predicted(page, model, x):
    outputs = page.evaluate("([layers, x]) => predict(layers, x)", [plain_network(model, x), x.tolist()])
    return torch.tensor(outputs, dtype=torch.float64)


def off(page, model, x):
    """The largest difference, relative to the largest output."""
    with torch.no_grad():
        truth = model(x).squeeze(1)
    return ((predicted(page, model, x) - truth).abs().max() / truth.abs().max()).item()


def close(name):
    """How close the page comes to torch: the joints of rational functions, |Q|, are not known beforehand."""
    return 1e-6 if BASES[name] is Rational else 1e-9


@pytest.mark.parametrize("name", BASES)
def test_every_basis_on_and_off_its_domain(page, name):
    model = kan(BASES[name]())
    assert off(page, model, grid()) < close(name)
    assert off(page, model, grid(1.5)) < close(name)


@pytest.mark.parametrize("name", BASES)
def test_every_basis_with_all_switches(page, name):
    switches = {"base_branch": BaseBranch.silu, "edge_scale": EdgeScale.edge, "squash": Squash.none}
    model = kan(BASES[name](low=-2.0, high=1.5), aggregation=Aggregation.mean, **switches)
    assert off(page, model, grid()) < close(name)


@pytest.mark.parametrize(
    "basis",
    [
        *(Chebyshev(degree=1), Chebyshev(degree=5, constant=True), Taylor(degree=1, constant=True)),
        *(BSpline(degree=1), BSpline(degree=5, intervals=2)),
    ],
    ids=str,
)
def test_settings_at_their_ends(page, basis):
    assert off(page, kan(basis, base_branch=BaseBranch.linear), grid()) < 1e-10


def test_splines_on_knots_that_have_moved(page):
    model = kan(BSpline(intervals=4))
    for layer in model:
        steps = torch.rand(layer.n_in, 11, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 0.1
        layer.knots = -1.5 + 3.0 * (steps.cumsum(1) - steps[:, :1]) / (steps[:, 1:].sum(1, keepdim=True))
    assert off(page, model, grid()) < 1e-10


@pytest.mark.parametrize("name", BASES)
def test_the_functions_of_a_basis_are_few_polynomials_that_know_their_error(name):
    layers = plain_network(kan(BASES[name]()), grid(1.5))
    is_rational = BASES[name] is Rational
    for layer in layers:
        assert layer["pieces"]["error"] < (1e-7 if is_rational else 1e-11)
    assert len(json.dumps(layers)) < (120_000 if is_rational else 40_000)


@pytest.mark.parametrize("name", BASES)
def test_a_reader_may_move_coefficients_and_stays_where_the_functions_are_right(page, name):
    """Without a squash hidden nodes then leave the range of their data."""
    model, x = kan(BASES[name](), squash=Squash.none), grid()
    layers = plain_network(model, x)
    with torch.no_grad():
        spread = model[0](x)[:, 0].max() - model[0](x)[:, 0].min()
        model[0].bias[0] += 0.4 * spread
        truth = model(x).squeeze(1)
    layers[0]["bias"] = model[0].bias.tolist()
    moved = page.evaluate("([layers, x]) => predict(layers, x)", [layers, x.tolist()])
    assert (torch.tensor(moved, dtype=torch.float64) - truth).abs().max() / truth.abs().max() < close(name)


@pytest.mark.parametrize("activation", Activation)
def test_mlps(page, activation):
    model = shaken(MLP([2, 4, 3, 1], activation, **random_start()))
    assert off(page, model, grid()) < (1e-10 if activation is Activation.bspline else 1e-12)


@pytest.mark.parametrize("activation", Activation)
def test_mlps_on_random_fourier_features(page, activation):
    """Their nodes are the angles x F; the page drew the features themselves as if they were inputs."""
    model = shaken(MLP([2, 4, 3, 1], activation, frequencies=5, scale=3.0, **random_start()))
    angles, waves, *rest = plain_network(model, grid())
    assert torch.tensor(angles["weights"]).shape == (2, 1, 5)
    assert waves["named"] == ["sin", "cos"]
    assert len(rest) == 2
    assert off(page, model, grid()) < (1e-10 if activation is Activation.bspline else 1e-12)


class Doubled(MLP):
    """A network that is no chain of its layers, although its class is one of chains."""

    def forward(self, x):
        return 2.0 * super().forward(x)


class Alone(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1, dtype=torch.float64)

    def forward(self, x):
        return self.layer(x)


class Louder(KANLayer):
    """A layer of one's own that does something else with the parts of a KAN's."""

    def forward(self, x):
        return 3.0 * super().forward(x)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Alone(), "a Alone is not a sequence of layers"),
        (Doubled([2, 3, 1], **random_start()), "a Doubled is more than its layers"),
        (nn.Sequential(Louder(2, 1, **random_start())), "cannot draw a Louder"),
        (nn.Sequential(nn.Linear(2, 1, dtype=torch.float64)), "cannot draw a Linear"),
        (nn.Sequential(Affine(2, 1, std=float("nan"), **random_start())), "its outputs are not finite"),
        (nn.Sequential(MLP([2, 3, 1], **random_start())), "cannot draw a MLP"),
        (nn.Sequential(*list(MLP([2, 3, 1], **random_start()))[:2]), "ends with an activation"),
        (nn.Sequential(FixedActivation(Activation.tanh), KANLayer(2, 1, **random_start())), "draw a KANLayer at this"),
        (
            nn.Sequential(*[FixedActivation(Activation.tanh)] * 2, Affine(2, 1, std=1.0, **random_start())),
            "draw a Fixed",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_page_would_draw_as_something_else_it_does_not_draw(model, reason):
    with pytest.raises(NoPicture, match=reason):
        plain_network(model, grid())


def test_pruned_edges_are_none(page):
    model = kan(BSpline())
    half = model[0].active
    half[0, 1] = False
    everything = torch.ones(2, dtype=torch.bool), torch.ones(3, dtype=torch.bool)
    pruned = nn.Sequential(model[0].sublayer(*everything, half), model[1])
    assert plain_network(pruned, grid())[0]["active"] == half.tolist()
    assert off(page, pruned, grid()) < 1e-10


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


@pytest.mark.parametrize(
    ("r2", "said"),
    [
        *((0.5, "0.5000"), (0.9731, "0.9731"), (0.99981, "0.99981"), (1 - 3.28e-5, "0.999967"), (-0.25, "-0.2500")),
        *((1 - 3e-9, "above 0.999999"), (1.0, "above 0.999999")),
    ],
)
def test_r2_reads_as_a_number_and_is_never_rounded_to_one(page, r2, said):
    assert page.evaluate("(r2) => determination(r2)", r2) == said


def test_after_coefficients_of_a_layer_have_moved_the_layers_before_it_are_not_computed_again(page):
    layers, x = plain_network(kan(BSpline()), grid()), grid().tolist()
    moved, anew, kept = page.evaluate(
        """([layers, x]) => {
          const before = run(layers, x);
          layers[1].weights[0][3][0] += 0.5;
          const after = runAgain(layers, before, 1);
          const outputs = (runs) => Array.from(runs.at(-1).outputs[0]);
          return [outputs(after), outputs(run(layers, x)), after[0] === before[0]];
        }""",
        [layers, x],
    )
    assert moved == anew
    assert kept


def test_a_csv_file_is_read_back_as_it_was_and_a_spreadsheet_computes_nothing(page):
    texts = ["=1+1", "+x", "-x", "@x", "\tx", "'=1", "'plain", "a\rb", "KAN -1"]
    plain_text = page.evaluate("(rows) => csv(rows)", [{"text": text} for text in texts])
    assert [row["text"] for row in csv.DictReader(io.StringIO(plain_text, newline=""))] == [
        marked(text) for text in texts
    ]
    rows = [
        {"method": 'KAN "mean", of two', "error": 1.5e-7, "note": "two\nlines"},
        {"method": "=HYPERLINK(1)", "error": -2, "seed": None},
    ]
    text = page.evaluate("(rows) => csv(rows)", rows)
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert first == {"method": rows[0]["method"], "error": "1.5e-7", "note": "two\nlines", "seed": ""}
    assert second == {"method": "'=HYPERLINK(1)", "error": "-2", "note": "", "seed": ""}
