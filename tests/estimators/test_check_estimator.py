"""scikit-learn's own contract for estimators."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from kanbench import KANClassifier, KANRegressor

SHORT = {"max_iter": 8, "restarts": 1}


def failed(estimator):
    """The checks that an estimator does not pass, with their errors."""
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 50
    skipped = [each["check_name"] for each in results if each["status"] == "skipped"]
    assert set(skipped) <= {"check_array_api_input"}
    return {each["check_name"]: each["exception"] for each in results if each["status"] not in ("passed", "skipped")}


@pytest.mark.parametrize("network", ["kan", "mlp"])
def test_a_regressor_of_few_steps_passes_all_checks(network):
    assert failed(KANRegressor(network, **SHORT)) == {}


def test_a_classifier_of_few_steps_passes_all_checks():
    assert failed(KANClassifier("mlp", **SHORT)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("network", ["kan", "mlp"])
@pytest.mark.parametrize("kind", [KANRegressor, KANClassifier])
def test_the_defaults_pass_all_checks(kind, network):
    assert failed(kind(network)) == {}
