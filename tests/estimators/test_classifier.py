import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import make_moons
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kanbench import KAN, KANClassifier
from kanbench.estimators.naming import output_of, standardized
from kanbench.interpret import evaluate

X, Y = make_moons(400, noise=0.1, random_state=0)
NAMES = np.array(["moon", "sun"])[Y]


@pytest.mark.parametrize("network", ["kan", "mlp"])
def test_two_moons_are_told_apart(network):
    model = KANClassifier(network, random_state=0, restarts=1).fit(X[:300], NAMES[:300])
    assert model.score(X[300:], NAMES[300:]) > 0.97
    assert model.classes_.tolist() == ["moon", "sun"]
    probabilities = model.predict_proba(X)
    assert_allclose(probabilities.sum(axis=1), 1.0)
    assert (model.predict(X) == model.classes_[probabilities.argmax(axis=1)]).all()


def test_the_loss_is_the_cross_entropy_of_the_probabilities():
    model = KANClassifier(early_stopping=False, random_state=0, restarts=1, max_iter=5).fit(X, NAMES)
    assert model.loss_ == pytest.approx(log_loss(NAMES, model.predict_proba(X)))


def test_a_rare_class_is_no_obstacle():
    rare = np.array([*NAMES[:-1], "comet"])
    model = KANClassifier(random_state=0, restarts=1, max_iter=5).fit(X, rare)
    assert model.predict_proba(X).shape == (400, 3)


@pytest.mark.parametrize("seed", range(3))
def test_the_only_row_of_a_class_trains_and_the_other_classes_are_held_out_in_their_shares(seed):
    rare = np.array([*np.repeat(["moon", "sun"], [90, 30]), "comet"])
    model = KANClassifier(validation_fraction=0.1)
    train, held_out = model._split(len(rare), rare, np.random.RandomState(seed))
    assert sorted([*train, *held_out]) == list(range(121))
    assert dict(zip(*np.unique(rare[held_out], return_counts=True), strict=True)) == {"moon": 9, "sun": 3}


def test_a_row_of_every_class_alone_leaves_one_to_hold_out():
    train, held_out = KANClassifier()._split(4, np.arange(4), np.random.RandomState(0))
    assert (len(train), len(held_out)) == (3, 1)


def test_huge_logits_give_probabilities():
    model = KANClassifier(random_state=0, restarts=1, max_iter=2).fit(X, Y)
    with torch.no_grad():
        model.network_[-1].coefficients.mul_(1e6)
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_grid_search_over_a_pipeline_takes_it():
    pipeline = make_pipeline(StandardScaler(), KANClassifier(random_state=0, restarts=1, max_iter=10))
    search = GridSearchCV(pipeline, {"kanclassifier__network": ["kan", "mlp"]}, cv=2).fit(X, NAMES)
    assert search.best_score_ > 0.8


@pytest.mark.slow
def test_two_classes_have_a_formula_of_the_log_odds():
    x = np.random.default_rng(0).uniform(-2.0, 2.0, (400, 2))
    y = (x**2).sum(axis=1) > 2.0
    model = KANClassifier(random_state=0, restarts=1).fit(x, y).name_formula()
    odds = evaluate(model.formula_, ["x0", "x1"], x)
    assert ((odds > 0) == y).mean() > 0.95
    probabilities = model.predict_proba(x)
    log_odds = np.log(probabilities[:, 1] / probabilities[:, 0])
    r2 = 1.0 - ((odds - log_odds) ** 2).mean() / log_odds.var()
    assert r2 == pytest.approx(model.formula_score_, abs=0.01)


def test_one_output_and_a_difference_of_outputs_are_networks():
    model = KAN([2, 4, 3], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.rand(20, 2, dtype=torch.float64)
    torch.testing.assert_close(output_of(model, 1)(x), model(x)[:, 1:2])
    torch.testing.assert_close(output_of(model, 2, 0)(x), model(x)[:, 2:] - model(x)[:, :1])


def test_a_standardized_output_returns_to_its_units():
    model = KAN([2, 4, 1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.rand(20, 2, dtype=torch.float64)
    before = model(x).squeeze(1).detach()
    output = standardized(model, x)
    scale, shift = output.units
    torch.testing.assert_close(scale * output.model(x).squeeze(1) + shift, before)
    torch.testing.assert_close(output.model(x).squeeze(1), output.y)
    assert output.y.var(correction=0).item() == pytest.approx(1.0)


def test_one_class_is_refused_and_so_is_an_optimizer_of_squares():
    with pytest.raises(ValueError, match="y must have at least 2 classes, got 1 class"):
        KANClassifier().fit(X, np.ones(400))
    with pytest.raises(ValueError, match="optimizer must be one that can minimize the cross_entropy"):
        KANClassifier(optimizer="lm").fit(X, Y)
