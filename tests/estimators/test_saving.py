"""A fitted estimator comes back from its file: predictions to the last bit, from raw columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from kanbench import KANClassifier, KANRegressor
from kanbench.bases import Chebyshev
from kanbench.checkpoint import load, load_units, save
from kanbench.files.sealed import Damaged

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(-1.0, 1.0, (60, 2)) * [100.0, 1e-3] + [7.0, 2.0]
FRAME = pd.DataFrame(X, columns=["length", "mass"])
Y = 1e4 + 3.0 * X[:, 0] * X[:, 1]
SHORT = {"max_iter": 5, "restarts": 1, "random_state": 0}
FAR = FRAME * 3.0  # beyond the range of the training, where a KAN predicts as at its end


@pytest.mark.parametrize("settings", [{"basis": Chebyshev(degree=4)}, {"network": "mlp", "activation": "silu"}])
def test_a_regressor_predicts_the_same_after_a_file(settings, tmp_path):
    model = KANRegressor(**SHORT, **settings).fit(FRAME, Y)
    model.save(tmp_path / "model")
    again = KANRegressor.load(tmp_path / "model")
    assert_array_equal(again.predict(FAR), model.predict(FAR))
    assert again.feature_names_in_.tolist() == ["length", "mass"]
    assert {name: again.get_params()[name] for name in settings} == settings
    shape = clone(again).set_params(**SHORT).fit(FRAME, Y)  # the parameters make the same network
    assert shape.n_parameters_ == model.n_parameters_ == again.n_parameters_
    with pytest.raises(ValueError, match="feature names"):
        again.predict(FRAME[["mass", "length"]])


def test_several_targets_stay_a_matrix(tmp_path):
    model = KANRegressor(**SHORT).fit(X, np.stack([Y, -Y, Y**2], axis=1))
    model.save(tmp_path / "model")
    assert_array_equal(KANRegressor.load(tmp_path / "model").predict(X), model.predict(X))


@pytest.mark.parametrize("classes", [["no", "yes"], [3, 7], [False, True]])
def test_a_classifier_keeps_its_classes(classes, tmp_path):
    labels = np.array(classes)[(X[:, 0] > 7.0).astype(int)]
    model = KANClassifier(**SHORT).fit(X, labels)
    model.save(tmp_path / "model")
    again = KANClassifier.load(tmp_path / "model")
    assert_array_equal(again.predict(X), model.predict(X))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.classes_.dtype == model.classes_.dtype


def test_a_wrong_file_is_one_sentence(tmp_path):
    model = KANRegressor(**SHORT).fit(X, Y)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"predicts numbers; KANRegressor\.load reads it"):
        KANClassifier.load(tmp_path / "model")
    save(load(tmp_path / "model"), tmp_path / "plain")
    assert load_units(tmp_path / "plain") is None
    with pytest.raises(Damaged, match="without the units"):
        KANRegressor.load(tmp_path / "plain")
    with pytest.raises(ValueError, match="a file holds none"):
        KANRegressor.load(tmp_path / "model").name_formula()
    with pytest.raises(FileNotFoundError):
        KANRegressor.load(tmp_path / "gone")
