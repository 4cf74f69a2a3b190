"""A KAN or an MLP that predicts numbers."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from kanbench.checkpoint import Units
from kanbench.estimators.base import NetworkEstimator
from kanbench.estimators.naming import Output, output_of
from kanbench.estimators.saving import save_fitted, scaling_of
from kanbench.estimators.scaling import Array, Scaling
from kanbench.models import KAN
from kanbench.training import Loss


class KANRegressor(RegressorMixin, NetworkEstimator):
    """A Kolmogorov-Arnold network, or an MLP, as a regressor of scikit-learn.

    The columns are scaled to the domain of the basis and the targets to variance 1, so no scaler is needed before it.
    Beyond the range of the rows of `fit`, a KAN predicts as at the end of the range.

    Args:
        network: "kan", or "mlp" for the twin of about as many parameters.
        hidden_layer_sizes: the widths of the hidden layers. None is one layer: of a KAN with 5 nodes, or as many as it
            has outputs; of an MLP with about as many parameters as this KAN has with splines.
        basis: the family of functions on the edges of a KAN, by name or as a `Basis` such as `Chebyshev(degree=4)`.
        aggregation: the way in which a node of a KAN combines its edges: "sum", "mean" or "sum_over_sqrt".
        base_branch: the function beside the basis on the edges of a KAN: "none", "linear" or "silu".
        activation: the activation of an MLP: "tanh", "silu", "relu", "gelu" or "bspline".
        optimizer: "auto", "lm", "lbfgs", "adam", "sgd", or an `Optimizer` such as `Adam(rates=(1e-3,), batch=32)`.
            "auto" is Levenberg-Marquardt up to 1,500 parameters and 1e7 rows x outputs x parameters, else L-BFGS up to
            2e6 rows x parameters, else Adam on mini-batches.
        max_iter: the most steps of the optimizer; None for its own default: 80 of Levenberg-Marquardt, 500 of L-BFGS.
        restarts: the number of random starts that are trained at once; the best one is kept.
        early_stopping: whether rows are held out, on which the best step and start are chosen. Otherwise all rows train
            and choose.
        validation_fraction: the share of the rows that are held out.
        n_iter_no_change: the training ends after so many looks without a better loss; there are about 100 looks in a
            whole training.
        random_state: the seed of the starts and of the split; None for another one each time.

    Attributes:
        network_: the trained network, a torch module in scaled units.
        n_iter_: the steps after which the network was best.
        loss_: its mean squared error on the rows that chose it, in variances of the target.
        n_parameters_: the number of its parameters.
        formula_, formula_score_: what `name_formula` found.

    Example:
        >>> from sklearn.datasets import make_friedman1
        >>> from kanbench import KANRegressor
        >>> X, y = make_friedman1(300, random_state=0)
        >>> KANRegressor(random_state=0).fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.9
        True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train the network on rows X (n, n_in) and targets y, (n,) or (n, n_outputs). Returns the estimator itself."""
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=np.float64, ensure_min_samples=2)
        table = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
        self._targets, self._is_flat = Scaling.to_unit_variance(table), np.ndim(y) == 1
        scaled, n_outputs = self._targets(table), table.shape[1]
        self._fit_network(X, scaled[:, 0] if n_outputs == 1 else scaled, n_outputs, Loss.mse)
        return self

    def predict(self, X: Any) -> Array:
        """Predict the targets of rows X (n, n_in): (n,), or (n, n_outputs) if `fit` saw a matrix."""
        outputs = self._outputs(X)
        values = self._targets.inverse(outputs)
        return values[:, 0] if self._is_flat else values

    def save(self, path: str | Path) -> None:
        """Write the fitted network and its scaling to a file, which `load` reads; its folder must exist."""
        check_is_fitted(self)
        save_fitted(self, path, self._targets, self._is_flat)

    def _take_units(self, units: Units) -> None:
        self._targets, self._is_flat = scaling_of(units.outputs), units.is_flat

    def _named_outputs(self, network: KAN) -> list[Output]:
        table = self._kept[1].reshape(len(self._kept[1]), -1)
        units = self._targets.inverse_pairs
        return [Output(output_of(network, j), table[:, j], pair) for j, pair in enumerate(units)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
