"""The optimizer of an estimator: by name, or by the size of the problem."""

from collections.abc import Callable
from functools import partial

from kanbench.errors import UnknownName, require
from kanbench.training import LBFGS, OPTIMIZERS, Adam, LevenbergMarquardt, Loss, Optimizer

LARGEST_JACOBIAN = 1e7  # rows x outputs x parameters up to which Levenberg-Marquardt is chosen
LARGEST_SYSTEM = 1_500  # parameters up to which it is chosen
LARGEST_BATCH = 2e6  # rows x parameters up to which L-BFGS is chosen
# Shorter than in studies: without held-out rows nothing else keeps a network from fitting the noise.
SHORT: dict[str, Callable[[], Optimizer]] = {
    "lm": partial(LevenbergMarquardt, steps=80),
    "lbfgs": partial(LBFGS, steps=500),
}


def choose_optimizer(given: str | Optimizer, loss: Loss, *, rows: int, parameters: int, n_outputs: int) -> Optimizer:
    """Return the optimizer that was asked for, or for "auto" the one for a problem of this size.

    Raises `ValueError` for an unknown name, and for an optimizer that cannot minimize the loss.
    """
    if isinstance(given, str):
        by_size = partial(_by_size, rows, parameters, loss, n_outputs)
        by_name: dict[str, Callable[..., Optimizer]] = {"auto": by_size, **OPTIMIZERS, **SHORT}
        if given not in by_name:
            raise UnknownName("optimizer", given, by_name)
        given = by_name[given]()
    require(isinstance(given, Optimizer), "optimizer", "must be a name or an Optimizer", given)
    fits = given.can_minimize(loss)
    require(fits, "optimizer", f"must be one that can minimize the {loss.name}", type(given).__name__)
    return given


def _by_size(rows: int, parameters: int, loss: Loss, n_outputs: int) -> Optimizer:
    """Choose Levenberg-Marquardt where its systems are small, then L-BFGS, and Adam on mini-batches of many rows."""
    second_order = SHORT["lm"]()
    entries = rows * n_outputs * parameters
    small = entries <= LARGEST_JACOBIAN and parameters <= LARGEST_SYSTEM
    if small and second_order.can_minimize(loss):
        return second_order
    return SHORT["lbfgs"]() if rows * parameters <= LARGEST_BATCH else Adam(rates=(1e-2,), batch=256)
