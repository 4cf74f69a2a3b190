"""The case of an advice: the predictors, chosen by validation, with their errors on the test rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from kanbench.advice.plan import table_of
from kanbench.advice.predictors import Network, Predictor, best, fitted_network, fitted_references
from kanbench.advice.verdict import Verdict, judge
from kanbench.config.config import Config
from kanbench.data import Dataset, TableTask, sample


@dataclass(frozen=True)
class Case:
    """The predictors that may be advised, and what the test rows say of them.

    Args:
        predictors: The chosen networks and the references, fitted.
        references: The names of the references: the one that ignores the inputs, the linear one, and further ones.
        best: The network that validation chose of all; None if none was finished.
        rival: The best of the other kind: the best MLP beside a KAN, the best KAN beside an MLP.
        metrics: The metrics of each predictor on the test rows, by its name.
    """

    task: TableTask
    dataset: Dataset
    verdict: Verdict
    predictors: tuple[Predictor, ...]
    references: tuple[str, ...]
    best: Network | None
    rival: Network | None
    metrics: dict[str, dict[str, float]]

    @property
    def trivial(self) -> str:
        """The name of the reference that ignores the inputs."""
        return self.references[0]

    @property
    def linear(self) -> str:
        return self.references[1]

    @property
    def further(self) -> tuple[str, ...]:
        """The names of the references beyond the linear one."""
        return self.references[2:]

    @property
    def recommended(self) -> Predictor:
        """The network where it is better than both simple references; else the simpler one of those that are as good.

        The test rows decide no more than this: all networks and all sizes were chosen by validation.
        """
        (found,) = (each for each in self.predictors if each.name == self._recommended)
        return found

    @property
    def _recommended(self) -> str:
        verdict, name = self.verdict, self.best.name if self.best else ""
        if name and verdict.is_better(name, self.trivial) and verdict.is_better(name, self.linear):
            return name
        is_of_use = verdict.is_better(self.linear, self.trivial) or bool(name and verdict.is_better(name, self.trivial))
        return self.linear if is_of_use else self.trivial


def case_of(config: Config, networks: Sequence[Network]) -> Case:
    """Fit what may be advised, and judge it by the test rows."""
    task = table_of(config)
    dataset = sample(task, config.seeds[0], config.sizes, config.conditions)
    chosen = best(networks)
    rival = best(each for each in networks if chosen and each.is_mlp != chosen.is_mlp)
    references = fitted_references(task, dataset)
    predictors = (*(fitted_network(each, dataset) for each in (chosen, rival) if each), *references)
    predictions = {each.name: each.predict(dataset.test.x) for each in predictors}
    metrics = {name: task.grading.grade(dataset, each, dataset.test.y) for name, each in predictions.items()}
    verdict = judge(task.grading, dataset, predictions)
    names = tuple(each.name for each in references)
    return Case(task, dataset, verdict, predictors, names, chosen, rival, metrics)
