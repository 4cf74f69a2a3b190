"""Learning curves of ensembles."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from kanbench.training.losses import Loss


@dataclass(frozen=True)
class Curve:
    """A short learning curve: the loss of each member on validation at each check; of the standardized target, if it
    is the mean squared error.

    `layers` is empty unless the module is given `statistics`: what these say of every layer on the training split.
    """

    steps: list[int] = field(default_factory=list)  # of all stages and runs so far
    validation: list[list[float]] = field(default_factory=list)  # (checks, members)
    evaluations: list[list[float]] = field(default_factory=list)  # (checks, members), of all stages and runs so far
    layers: dict[str, list[list[float | None]]] = field(default_factory=dict)  # (checks, layers)
    loss: str = Loss.mse.name

    def metrics(self, check: int) -> dict[str, float]:
        """All numbers of a check by name."""
        losses = {f"validation_{self.loss}/member_{i}": loss for i, loss in enumerate(self.validation[check])}
        return losses | {
            f"layer_{i}/{name}": number
            for name, checks in self.layers.items()
            for i, number in enumerate(checks[check])
            if number is not None
        }


def joined(curves: Sequence[Curve]) -> Curve:
    """Return the curve of members that were trained in groups; a group that ended first keeps its last numbers."""
    longest = max(curves, key=lambda curve: len(curve.steps))
    n_checks = len(longest.steps)

    def side_by_side(of_groups: Sequence[list[list[float]]]) -> list[list[float]]:
        filled = [rows + rows[-1:] * (n_checks - len(rows)) for rows in of_groups]
        return [list(chain(*rows)) for rows in zip(*filled, strict=True)]

    losses, evaluations = [curve.validation for curve in curves], [curve.evaluations for curve in curves]
    return replace(longest, validation=side_by_side(losses), evaluations=side_by_side(evaluations))
