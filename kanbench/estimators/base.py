"""The parts that the estimators share: their parameters, the network, its training and the split of the rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from kanbench.bases import BASES, Basis, BSpline
from kanbench.checkpoint import Units
from kanbench.errors import UnknownName, chosen, require
from kanbench.estimators.holding_out import hold_out
from kanbench.estimators.naming import Output, name_output
from kanbench.estimators.optimizers import choose_optimizer
from kanbench.estimators.saving import parameters_of, read_fitted, scaling_of
from kanbench.estimators.scaling import Array, Scaling
from kanbench.estimators.threads import threads_for
from kanbench.interpret.tidying import MOST_DIGITS
from kanbench.models import KAN, MLP, Activation, Aggregation, BaseBranch
from kanbench.models.own import n_trained
from kanbench.training import Loss, Optimizer
from kanbench.training.restarts import train_restarts

NETWORKS = ("kan", "mlp")
SIZES = {  # of the bases on few wide layers, in place of those of deep networks at a small budget
    **{name: {"intervals": 5} for name in ("bspline", "free_knots", "relu_bumps")},
    **{name: {"degree": 8} for name in ("taylor", "chebyshev", "legendre", "hermite", "gegenbauer", "jacobi")},
    **{name: {"wavelets": 6} for name in ("gaussian_derivative", "mexican_hat", "morlet")},
    "bernstein": {"degree": 7},
    "fourier": {"harmonics": 4},
    "rational": {"numerator": 7},
    "rbf": {"centres": 8},
    "sine": {"waves": 4},
}
WIDTH = 5  # hidden nodes of a KAN by default, unless it has more outputs
BLOCK = 20_000  # rows that are predicted at once
KEPT = 1_000  # rows of the training that name_formula sees


class NetworkEstimator(BaseEstimator):
    """The base of `KANRegressor` and `KANClassifier`, which list the parameters."""

    n_features_in_: int
    feature_names_in_: np.ndarray

    def __init__(
        self,
        network: str = "kan",
        *,
        hidden_layer_sizes: int | Sequence[int] | None = None,
        basis: str | Basis = "bspline",
        aggregation: str = "sum",
        base_branch: str = "none",
        activation: str = "tanh",
        optimizer: str | Optimizer = "auto",
        max_iter: int | None = None,
        restarts: int = 3,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: Any = None,
    ) -> None:
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.basis = basis
        self.aggregation = aggregation
        self.base_branch = base_branch
        self.activation = activation
        self.optimizer = optimizer
        self.max_iter = max_iter
        self.restarts = restarts
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    def name_formula(self, digits: int = 4, *, sparsity: float = 0.03) -> Self:
        """Turn the fitted KAN into a formula in the units of the data, and store it in `formula_`.

        A copy of the network is trained sparsely, pruned and trained again; then each of its edges becomes a function
        of the library, and the constants are trained. This sees up to 1,000 of the rows of `fit` and takes seconds.
        The predictions stay those of the KAN.

        Args:
            digits: the number of significant digits of the constants, 1 to 15.
            sparsity: the weight of the sparsity penalty. More of it gives shorter formulas with a larger error.

        Returns:
            The estimator itself, with `formula_`, a sympy expression in the names of the columns (x0, x1, .. without
            names), and `formula_score_`, the R^2 on the rows between the formula and what it stands for; both are
            lists where there are several formulas.

        Raises:
            NotFittedError: before `fit`.
            ValueError: if the network is an MLP, if it was loaded from a file, or if no formula is found.
        """
        check_is_fitted(self)
        require(1 <= digits <= MOST_DIGITS, "digits", f"must be 1 to {MOST_DIGITS}", digits)
        network = self.network_
        if not isinstance(network, KAN):
            raise ValueError(f"network must be 'kan' for a formula, got {self.network!r}")
        if not hasattr(self, "_kept"):
            raise ValueError("name_formula needs rows of the training, and a file holds none; call fit first")
        names = list(getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)]))
        with threads_for(len(self._kept[0]) * self.n_parameters_):
            named = [
                name_output(output, self._kept[0], names, self._inputs.pairs, digits, sparsity)
                for output in self._named_outputs(network)
            ]
        formulas, scores = [each.expression for each in named], [each.r2 for each in named]
        self.formula_ = formulas[0] if len(named) == 1 else formulas
        self.formula_score_ = scores[0] if len(named) == 1 else scores
        return self

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the fitted estimator of a file that `save` or `kanbench advise` wrote. It predicts from raw columns.

        Its parameters describe the network; those that say how it was trained have their defaults.

        Raises:
            Damaged: the file is no network with units.
            ValueError: the network predicts classes in place of numbers, or numbers in place of classes.
            FileNotFoundError: there is no such file.
        """
        network, units, names = read_fitted(path, is_classifier=is_classifier(cls()))
        model = cls(**parameters_of(network))
        model.network_, model.n_parameters_ = network, n_trained(network)
        model._inputs = scaling_of(units.inputs)
        model._limits = units.limits or (-np.inf, np.inf)
        model.n_features_in_ = len(units.inputs)
        if names.inputs:
            model.feature_names_in_ = np.array(names.inputs, dtype=object)
        model._take_units(units)
        return model

    def _take_units(self, units: Units) -> None:
        """Set what the outputs of a loaded network mean."""
        raise NotImplementedError

    def _named_outputs(self, network: KAN) -> list[Output]:
        """Return the outputs of the fitted network that have formulas."""
        raise NotImplementedError

    def _fit_network(self, x: Array, y: np.ndarray, n_outputs: int, loss: Loss) -> None:
        """Train the network on rows x (n, n_in) and y: scaled targets (n,) or (n, n_outputs), or indices of classes."""
        require(self.network in NETWORKS, "network", f"must be {' or '.join(NETWORKS)}", self.network)
        _require_count("restarts", self.restarts)
        _require_count("n_iter_no_change", self.n_iter_no_change)
        random = check_random_state(self.random_state)
        seeds = random.randint(np.iinfo(np.int32).max, size=self.restarts + 1)
        shape = self._shape(x.shape[1], n_outputs)
        models = [self._build(shape, torch.Generator().manual_seed(int(seed))) for seed in seeds[1:]]
        low, high = (self._basis.low, self._basis.high) if self.network == "kan" else (-1.0, 1.0)
        self._inputs = Scaling.to_domain(x, low, high)
        self._limits = (low, high) if self.network == "kan" else (-np.inf, np.inf)
        rows = self._scaled(x), torch.tensor(y)
        train, held_out = self._split(len(x), y if loss is Loss.cross_entropy else None, random)
        with threads_for(len(train) * n_outputs * n_trained(models[0])):
            trained = train_restarts(
                models,
                _rows(rows, train),
                self._optimizer(len(train), n_trained(models[0]), loss, n_outputs),
                loss=loss,
                validation=_rows(rows, held_out) if len(held_out) else None,
                patience=self.n_iter_no_change,
                seed=int(seeds[0]),
            )
        self.network_, self.loss_, self.n_iter_ = trained.model, trained.loss, max(1, trained.steps)
        self.n_parameters_ = n_trained(trained.model)
        self._kept = _rows(rows, random.permutation(len(x))[:KEPT])
        for earlier in ("formula_", "formula_score_"):
            if hasattr(self, earlier):
                delattr(self, earlier)

    @torch.no_grad()
    def _outputs(self, X: Any) -> Array:
        """Return the outputs of the fitted network: (n, n_in) -> (n, n_outputs)."""
        check_is_fitted(self)
        x = self._scaled(validate_data(self, X, dtype=np.float64, reset=False))
        return torch.cat([self.network_(block) for block in x.split(BLOCK)]).numpy()

    def _scaled(self, x: Array) -> Tensor:
        """Return rows as the network sees them. Beyond the range of training a KAN sees the end of the range."""
        return torch.tensor(np.clip(self._inputs(x), *self._limits))

    @property
    def _basis(self) -> Basis:
        if isinstance(self.basis, Basis):
            return self.basis
        require(isinstance(self.basis, str), "basis", "must be a name or a Basis", self.basis)
        if self.basis not in BASES:
            raise UnknownName("basis", self.basis, BASES)
        return BASES[self.basis](**SIZES.get(self.basis, {}))

    def _shape(self, n_in: int, n_outputs: int) -> list[int]:
        if self.hidden_layer_sizes is not None:
            hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object)).tolist()
            for size in hidden:
                _require_count("hidden_layer_sizes", size)
            return [n_in, *map(int, hidden), n_outputs]
        width = max(WIDTH, n_outputs)
        if self.network == "kan":
            return [n_in, width, n_outputs]
        kan = n_trained(KAN([n_in, width, n_outputs], BSpline(intervals=5), generator=torch.Generator()))
        return [n_in, max(1, round((kan - n_outputs) / (n_in + 1 + n_outputs))), n_outputs]

    def _build(self, shape: list[int], generator: torch.Generator) -> nn.Module:
        if self.network == "mlp":
            activation = chosen(Activation, "activation", self.activation)
            return MLP(shape, activation, generator=generator, dtype=torch.float64)
        return KAN(
            shape,
            self._basis,
            chosen(Aggregation, "aggregation", self.aggregation),
            base_branch=chosen(BaseBranch, "base_branch", self.base_branch),
            generator=generator,
            dtype=torch.float64,
        )

    def _optimizer(self, rows: int, parameters: int, loss: Loss, n_outputs: int) -> Optimizer:
        """Return the optimizer that was asked for, with as many steps as were asked for."""
        optimizer = choose_optimizer(self.optimizer, loss, rows=rows, parameters=parameters, n_outputs=n_outputs)
        if self.max_iter is None:
            return optimizer
        _require_count("max_iter", self.max_iter)
        return replace(optimizer, steps=int(self.max_iter))

    def _split(
        self, n: int, classes: np.ndarray | None, random: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that train and the rows that are held out, see `hold_out`."""
        is_switch = isinstance(self.early_stopping, bool | np.bool_)
        require(is_switch, "early_stopping", "must be True or False", self.early_stopping)
        if not self.early_stopping:
            return np.arange(n), np.arange(0)
        share = self.validation_fraction
        is_share = isinstance(share, int | float | np.number) and bool(0.0 < share < 1.0)
        require(is_share, "validation_fraction", "must be between 0 and 1", share)
        return hold_out(n, share, classes, random)


def _require_count(name: str, value: object) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)
    require(whole, name, "must be a whole number of at least 1", value)


def _rows(pair: tuple[Tensor, Tensor], which: np.ndarray) -> tuple[Tensor, Tensor]:
    x, y = pair
    return x[which], y[which]
