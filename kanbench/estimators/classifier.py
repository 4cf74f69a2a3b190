"""A KAN or an MLP that predicts classes."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from kanbench.checkpoint import Units
from kanbench.estimators.base import NetworkEstimator
from kanbench.estimators.naming import Output, output_of, standardized
from kanbench.estimators.saving import save_fitted
from kanbench.estimators.scaling import Array
from kanbench.models import KAN
from kanbench.training import Loss


class KANClassifier(ClassifierMixin, NetworkEstimator):
    """A Kolmogorov-Arnold network, or an MLP, as a classifier of scikit-learn, trained by cross-entropy.

    It takes the parameters of `KANRegressor`; "auto" is L-BFGS up to 2e6 rows x parameters, else Adam on mini-batches.
    The held-out rows have the classes in the shares of all rows.

    Attributes:
        classes_: the classes, sorted.
        network_, n_iter_, n_parameters_: as in `KANRegressor`.
        loss_: the cross-entropy, in nats, on the rows that chose the network.
        formula_, formula_score_: what `name_formula` found: the log-odds of the second of two classes, or a list with
            the logit of each of more classes. The score is the R^2 between the formula and the network.

    Example:
        >>> from sklearn.datasets import make_moons
        >>> from kanbench import KANClassifier
        >>> X, y = make_moons(300, noise=0.1, random_state=0)
        >>> KANClassifier(random_state=0).fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.95
        True
    """

    classes_: np.ndarray

    def fit(self, X: Any, y: Any) -> Self:
        """Train the network on rows X (n, n_in) and their classes y (n,). Returns the estimator itself."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least 2 classes, got 1 class: {self.classes_[0]}")
        self._fit_network(X, indices, len(self.classes_), Loss.cross_entropy)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Predict the probability of each class, in the order of `classes_`: (n, n_in) -> (n, n_classes)."""
        logits = self._outputs(X)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class of rows X (n, n_in): (n,)."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def save(self, path: str | Path) -> None:
        """Write the fitted network, its scaling and the classes to a file, which `load` reads; its folder must exist.

        Raises `ValueError` for classes that are neither texts nor numbers.
        """
        check_is_fitted(self)
        if any(not isinstance(each, str | int | float) for each in self.classes_.tolist()):
            raise ValueError("only classes that are texts or numbers can be saved")
        save_fitted(self, path, None, is_flat=True)

    def _take_units(self, units: Units) -> None:
        self.classes_ = np.array(units.classes)

    def _named_outputs(self, network: KAN) -> list[Output]:
        n = len(self.classes_)
        single = [output_of(network, 1, 0)] if n == 2 else [output_of(network, j) for j in range(n)]
        return [standardized(each, self._kept[0]) for each in single]
