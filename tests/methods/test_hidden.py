"""Given shapes: their parameters are their budget, a curve is one method, and no hidden layer is least squares."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from scipy.interpolate import BSpline as ScipySpline

import kanbench as kb
from kanbench.analysis import load_records
from kanbench.bases import BSpline, Chebyshev
from kanbench.cells import Cell, Precision, restore_cell, run_cell
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.data import SplitSizes, load_suite, sample
from kanbench.errors import ConfigError
from kanbench.methods import KANMethod, MLPMethod
from kanbench.methods.own import OwnMethod
from kanbench.models import Aggregation, BaseBranch, EdgeScale
from kanbench.report.result import Result
from kanbench.training import LevenbergMarquardt

TOYS = load_suite("toy")
SIZES = SplitSizes(200, 50, 100)
WORDS = ["data=toy", "data.tasks=[exp_sine]", "data.train=40", "data.validation=20", "data.test=20"]


def cell(method, task="exp_sine", steps=10, seeds=(0, 1)):
    budget = method.count(TOYS.task(task).n_inputs, sum(method.hidden))
    lm = LevenbergMarquardt(steps=steps, check_every=min(steps, 20))
    return Cell("e", "toy", TOYS.task(task), method, budget, seeds, lm, SIZES, Precision.double)


def config(*words):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return read_config(compose("config", [*WORDS, *words]))


@pytest.mark.parametrize(
    ("task", "hidden", "edges", "nodes"),
    [("bessel", (), 1, 1), ("exp_sine", (1,), 3, 2), ("product", (2,), 6, 3), ("four_dimensions", (4, 2), 26, 7)],
)
@pytest.mark.parametrize("intervals", [3, 200])
def test_the_shapes_of_the_kan_paper_have_an_edge_for_each_pair_and_a_bias_for_each_node(
    task, hidden, edges, nodes, intervals
):
    trained = cell(KANMethod(hidden=hidden, basis=BSpline(intervals=intervals)), task)
    assert trained.sizing.params == trained.budget == edges * (intervals + 3) + nodes
    assert trained.sizing.miss == 0.0
    assert trained.sizing.shape == (TOYS.task(task).n_inputs, *hidden, 1)


@pytest.mark.parametrize(
    "method",
    [
        KANMethod(hidden=()),
        KANMethod(hidden=(5, 2), base_branch=BaseBranch.silu, edge_scale=EdgeScale.basis),
        KANMethod(hidden=(3,), basis=Chebyshev(), bias=False, aggregation=Aggregation.mean),
        MLPMethod(hidden=()),
        MLPMethod(hidden=(4, 2)),
        MLPMethod(hidden=(3,), fourier=2),
        OwnMethod("mine", lambda shape: kb.MLP(shape), hidden=(2, 3), key="1"),
    ],
    ids=lambda method: method.label,
)
def test_a_given_shape_is_built_counted_and_restored_from_its_description(method):
    built = method.build(2, sum(method.hidden), torch.Generator(), torch.float64)
    counted = sum(parameter.numel() for parameter in built.parameters())
    assert method.count(2, sum(method.hidden)) == counted
    trained = cell(method)
    assert restore_cell(trained.describe()).key == trained.key
    assert restore_cell(trained.describe()).method == method
    assert trained.describe()["method"]["hidden"] == list(method.hidden)
    assert "depth" not in method.label


def test_a_method_that_is_sized_by_its_budget_says_nothing_of_it_in_its_key():
    sized = replace(cell(KANMethod(hidden=(2,))), method=KANMethod(depth=1))
    assert "hidden" not in sized.describe()["method"]
    assert "hidden" not in KANMethod(depth=1).label


def test_a_spline_kan_without_hidden_layer_is_least_squares_and_converges_in_a_few_steps():
    trained = cell(KANMethod(hidden=(), basis=BSpline(intervals=12)), "bessel", steps=20)
    record = run_cell(trained)
    knots = -1.0 + (2.0 / 12) * np.arange(-3, 12 + 4)
    for member in record.members:
        data = sample(trained.task, member["seed"], trained.sizes)
        design = ScipySpline.design_matrix(data.train.x[:, 0], knots, 3).toarray()
        weights = np.linalg.lstsq(design, data.train.y)[0]
        tested = ScipySpline.design_matrix(data.test.x[:, 0], knots, 3).toarray()
        for split, matrix in (("train", design), ("test", tested)):
            y = getattr(data, split).y
            expected = np.linalg.norm(matrix @ weights - y) / np.linalg.norm(y - data.y_mean)
            assert member[f"{split}_rel_l2"] == pytest.approx(expected, rel=1e-9)


def test_an_mlp_without_hidden_layer_is_linear_regression():
    trained = cell(MLPMethod(hidden=()), "four_dimensions")
    for member in run_cell(trained).members:
        data = sample(trained.task, member["seed"], trained.sizes)
        design = np.column_stack([data.train.x, np.ones(len(data.train.x))])
        residual = design @ np.linalg.lstsq(design, data.train.y)[0] - data.train.y
        expected = np.linalg.norm(residual) / np.linalg.norm(data.train.y - data.y_mean)
        assert member["train_rel_l2"] == pytest.approx(expected, rel=1e-8)


def test_grid_extension_without_hidden_layer_ends_where_the_last_grid_does_alone():
    """The problem is convex, so the way to the last grid cannot matter."""
    staged = KANMethod(hidden=(), basis=BSpline(intervals=12), stages=(3, 6, 12))
    alone = run_cell(cell(replace(staged, stages=()), "bessel", steps=20))
    extended = run_cell(cell(staged, "bessel", steps=60))
    for one, other in zip(alone.members, extended.members, strict=True):
        assert one["train_rel_l2"] == pytest.approx(other["train_rel_l2"], rel=1e-8)


def test_a_config_takes_the_parameters_of_the_shape_for_its_budget_and_gives_others_as_many():
    found = config("model.hidden=[2,1]", "basis.intervals=5", "budget.targets=[1000]")
    kan, mlp = found.cells()
    assert kan.budget == mlp.budget == 7 * 8 + 4  # 2 x 2 + 2 x 1 + 1 edges, four nodes
    assert kan.sizing.shape == (2, 2, 1, 1)
    assert mlp.method.hidden is None
    both = config("model.hidden=[]", "baseline.hidden=[3,3]")
    assert [each.sizing.shape for each in both.cells()] == [(2, 1), (2, 3, 3, 1)]
    assert [each.budget for each in both.cells()] == [each.sizing.params for each in both.cells()]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["search=shapes", "model.hidden=[2]"], "model.hidden: must be null with search=shapes, which sets depths"),
        (["search=shapes", "baseline.hidden=[2]"], "model.hidden: must be null with search=shapes, which sets depths"),
        (["model.hidden=[2,0]"], r"model.hidden must be widths of at least 1, such as \[4, 2\], or \[\] for no hidden"),
        (["model.hidden=[2]", "model.depth=3"], "model.depth must be left out beside hidden, which has 1 layer, got 3"),
        (["model.hidden=2"], "model.hidden: expected"),
        (["model.hidden=[100000,100000]"], "model.hidden: must give at most 100,000,000 parameters, got 50,001,7"),
        (["model.hidden=[2]", "model.stages=[5,3]"], "model.stages must increase"),
    ],
)
def test_what_no_shape_can_be_is_one_sentence(words, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config(*words)


def test_an_own_model_of_a_given_shape_that_does_not_build_is_one_sentence(tmp_path):
    def deep_only(shape):
        assert len(shape) > 2, "needs a hidden layer"
        return kb.MLP(shape)

    method = OwnMethod("deep_only", deep_only, hidden=(), key="1")
    with pytest.raises(
        ValueError, match=r"^methods: deep_only\(\[2, 1\]\) fails: AssertionError: needs a hidden layer"
    ):
        kb.compare([method], "toy/product", folder=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_sizes_of_one_shape_are_one_method_of_a_comparison_and_their_curve(tmp_path):
    methods = [KANMethod(hidden=(2,), basis=BSpline(intervals=grid)) for grid in (2, 4)]
    quick = {"workers": 1, "progress": False, "train": 40, "validation": 20, "test": 20, "seeds": 2}
    lm = LevenbergMarquardt(steps=3)
    result = kb.compare([*methods, MLPMethod()], "toy/product", folder=tmp_path / "c", optimizer=lm, **quick)
    assert result.methods == ["KAN BSpline hidden=2", "MLP tanh"]
    assert result.baseline == "MLP tanh"
    of_shape = result.summary[result.summary.method == "KAN BSpline hidden=2"]
    assert of_shape.budget.tolist() == of_shape.params.tolist() == [6 * 5 + 3, 6 * 7 + 3]
    assert set(result.records.method) == {*(each.label for each in methods), "MLP tanh"}
    again = Result.of(Result.of(load_records(tmp_path / "c")).frame)  # curves of curves are themselves
    assert again.methods == result.methods
    assert set(again.frame.label) == set(result.records.method)
