import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from kanbench import KANRegressor
from kanbench.bases import Chebyshev
from kanbench.interpret import evaluate
from kanbench.training import Adam

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(-1.0, 1.0, (300, 2))
Y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
SHORT = {"max_iter": 15, "restarts": 1, "random_state": 0}


def fitted(**settings):
    return KANRegressor(**SHORT | settings).fit(X, Y)


@pytest.mark.parametrize("network", ["kan", "mlp"])
def test_a_smooth_function_is_found_from_300_rows(network):
    model = KANRegressor(network, random_state=0).fit(X[:200], Y[:200])
    assert model.score(X[200:], Y[200:]) > 0.999


def test_the_units_of_columns_and_targets_make_no_difference():
    other = KANRegressor(**SHORT, basis="taylor").fit(X * [1e6, 1e-3] + [5e6, 7.0], 1e4 * Y - 3e5)
    expected = 1e4 * fitted(basis="taylor").predict(X) - 3e5
    assert_allclose(other.predict(X * [1e6, 1e-3] + [5e6, 7.0]), expected, rtol=1e-4)


def test_beyond_the_rows_of_fit_a_kan_predicts_as_at_the_end_of_their_range():
    model = fitted()
    inside = X.max(axis=0)
    assert_allclose(model.predict([inside + 10.0]), model.predict([inside]))


def test_constant_targets_and_columns_are_no_obstacle():
    columns = np.column_stack([X, np.full(300, 7.0)])
    model = KANRegressor(**SHORT).fit(columns, np.column_stack([np.full(300, 1e6), Y]))
    assert (model.predict(columns)[:, 0] == 1e6).all()
    assert KANRegressor(**SHORT).fit(X, np.full(300, 2.5)).name_formula().formula_ == 2.5


def test_parameters_that_change_after_fit_wait_for_the_next_fit():
    model = fitted()
    before = model.predict(X)
    assert_allclose(model.set_params(network="mlp", basis="taylor").predict(X), before, rtol=0)


def test_one_seed_gives_one_model_and_another_seed_another():
    assert_allclose(fitted().predict(X), fitted().predict(X), rtol=0)
    assert not np.allclose(fitted().predict(X), fitted(random_state=1).predict(X), rtol=1e-9)


@pytest.mark.parametrize("network", ["kan", "mlp"])
def test_fit_leaves_the_random_numbers_of_others_alone(network):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - see below
    fitted(network=network)
    assert (torch.get_rng_state() == before[0]).all()
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002 - the global state is what is looked at


@pytest.mark.parametrize("way", [lambda m: pickle.loads(pickle.dumps(m)), "joblib"], ids=["pickle", "joblib"])
def test_a_stored_model_predicts_the_same(way, tmp_path):
    model = fitted()
    if way == "joblib":
        joblib.dump(model, tmp_path / "model")
        again = joblib.load(tmp_path / "model")
    else:
        again = way(model)
    assert_allclose(again.predict(X), model.predict(X), rtol=0)


def test_several_targets_are_a_matrix_and_each_is_found():
    targets = np.column_stack([Y, 1000.0 * X[:, 0] * X[:, 1]])
    model = KANRegressor(random_state=0).fit(X[:200], targets[:200])
    predicted = model.predict(X[200:])
    assert predicted.shape == (100, 2)
    residual = ((predicted - targets[200:]) ** 2).mean(axis=0) / targets[200:].var(axis=0)
    assert (residual < 0.01).all()
    assert fitted().predict(X).shape == (300,)
    assert KANRegressor(**SHORT).fit(X, Y[:, None]).predict(X).shape == (300, 1)


def test_the_mlp_twin_has_about_as_many_parameters_as_the_kan():
    for columns, outputs in ((2, 1), (6, 1), (3, 2), (4, 8)):
        x, y = RANDOM.normal(size=(30, columns)), RANDOM.normal(size=(30, outputs))
        kan, mlp = (KANRegressor(each, max_iter=1, restarts=1).fit(x, y) for each in ("kan", "mlp"))
        assert mlp.n_parameters_ == pytest.approx(kan.n_parameters_, rel=0.05)


def test_a_pipeline_a_grid_search_and_a_cross_validation_take_it():
    pipeline = make_pipeline(QuantileTransformer(n_quantiles=50), KANRegressor(**SHORT))
    assert cross_val_score(pipeline, X, Y, cv=2).min() > 0.9
    grid = {"kanregressor__basis": ["taylor", Chebyshev(degree=4)], "kanregressor__hidden_layer_sizes": [2, (3, 2)]}
    search = GridSearchCV(make_pipeline(StandardScaler(), KANRegressor(**SHORT)), grid, cv=2).fit(X, Y)
    assert search.best_score_ > 0.9
    assert clone(search.best_estimator_[-1]).get_params()["basis"] == search.best_params_["kanregressor__basis"]


def test_hidden_sizes_may_be_any_sequence_of_whole_numbers():
    shapes = {
        (): [(2, 1)], 3: [(2, 3), (3, 1)], np.int64(3): [(2, 3), (3, 1)], (3, 4): [(2, 3), (3, 4), (4, 1)]
    }  # fmt: skip
    for sizes, expected in shapes.items():
        network = fitted(hidden_layer_sizes=sizes, max_iter=1).network_
        assert [(layer.n_in, layer.n_out) for layer in network] == expected


def test_a_frame_gives_its_names_to_the_formula():
    frame = pd.DataFrame({"width in m": 50.0 + 10.0 * X[:, 0], "b": X[:, 1]})
    y = 30.0 * np.sin(X[:, 0]) + 100.0 * X[:, 1] ** 2
    model = KANRegressor(random_state=0, restarts=1, max_iter=40).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["width in m", "b"]
    assert model.name_formula() is model
    assert {symbol.name for symbol in model.formula_.free_symbols} == {"width in m", "b"}
    found = evaluate(model.formula_, list(frame), frame.to_numpy())
    assert 1.0 - ((found - y) ** 2).mean() / y.var() == pytest.approx(model.formula_score_, abs=1e-4)
    assert model.formula_score_ > 0.999
    model.fit(frame, y)
    assert not hasattr(model, "formula_")


@pytest.mark.slow
def test_each_target_has_a_formula():
    targets = np.column_stack([5.0 * X[:, 0] ** 2, np.exp(X[:, 1])])
    model = KANRegressor(random_state=0, restarts=1, max_iter=40).fit(X, targets).name_formula(digits=3)
    assert len(model.formula_) == 2
    assert min(model.formula_score_) > 0.999
    for formula, target in zip(model.formula_, targets.T, strict=True):
        assert_allclose(evaluate(formula, ["x0", "x1"], X), target, atol=0.05)


def test_without_early_stopping_all_rows_train():
    x = np.linspace(-1.0, 1.0, 9)[:, None]  # so few that each row shows
    y = np.sin(5.0 * x[:, 0])
    whole = KANRegressor(early_stopping=False, random_state=0, hidden_layer_sizes=()).fit(x, y)
    assert_allclose(whole.predict(x), y, atol=1e-3)
    assert whole.loss_ == pytest.approx(((whole.predict(x) - y) ** 2).mean() / y.var(), abs=1e-9)


def test_early_stopping_ends_a_training_on_noise_soon():
    noise = np.random.default_rng(1).normal(size=len(X))
    assert KANRegressor(random_state=0, restarts=1).fit(X, noise).n_iter_ < 20


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"network": "cnn"}, "network must be kan or mlp, got 'cnn'"),
        ({"basis": "bsplin"}, "unknown basis 'bsplin'; did you mean bspline"),
        ({"basis": 3}, "basis must be a name or a Basis, got 3"),
        ({"aggregation": "max"}, "aggregation must be sum or mean or sum_over_sqrt, got 'max'"),
        ({"network": "mlp", "activation": "sin"}, "activation must be .*, got 'sin'"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm'; did you mean adam"),
        ({"optimizer": 3}, "optimizer must be a name or an Optimizer, got 3"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be a whole number of at least 1, got 0"),
        ({"restarts": 0}, "restarts must be a whole number of at least 1, got 0"),
        ({"max_iter": 0.5}, "max_iter must be a whole number of at least 1, got 0.5"),
        ({"n_iter_no_change": True}, "n_iter_no_change must be a whole number of at least 1, got True"),
        ({"early_stopping": "no"}, "early_stopping must be True or False, got 'no'"),
        ({"validation_fraction": "a"}, "validation_fraction must be between 0 and 1, got 'a'"),
        ({"validation_fraction": 1.0}, "validation_fraction must be between 0 and 1, got 1.0"),
    ],
)
def test_a_wrong_parameter_is_named_in_one_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        KANRegressor(**settings).fit(X, Y)


def test_optimizers_are_chosen_by_name_or_given():
    for optimizer in ("lm", "lbfgs", "adam", Adam(rates=(1e-2, 3e-2), batch=32)):
        assert fitted(optimizer=optimizer, max_iter=200, hidden_layer_sizes=3).score(X, Y) > 0.7


def test_a_formula_needs_a_fitted_kan():
    with pytest.raises(NotFittedError):
        KANRegressor().name_formula()
    with pytest.raises(ValueError, match="digits must be 1 to 15, got 99"):
        fitted(max_iter=1).name_formula(digits=99)
    with pytest.raises(ValueError, match="network must be 'kan' for a formula, got 'mlp'"):
        fitted(network="mlp").name_formula()
