"""The sentences of an advice."""

from collections.abc import Iterator

from kanbench.advice.case import Case
from kanbench.advice.predictors import Network
from kanbench.analysis.answer import digits
from kanbench.analysis.stats import Interval
from kanbench.data import Grading, TableTask
from kanbench.errors import counted

NONE = "No network was trained to the end in this time, so nothing is said of networks."

ALONE = "No {0} was trained to the end in this time, so nothing is said of {0}s."


def answer(case: Case) -> str:
    """Return the advice in a few sentences."""
    name = case.recommended.name
    if case.best and name == case.best.name:
        return " ".join(_of_network(case, case.best))
    return " ".join(_of_linear(case) if name == case.linear else _of_trivial(case))


def _of_network(case: Case, best: Network) -> Iterator[str]:
    yield f"Use {_an(best)}: {_error(case, best.name)}."
    yield _against(case, best, case.rival) if case.rival else ALONE.format("KAN" if best.is_mlp else "MLP")
    linear = case.linear
    yield f"{_a(linear).capitalize()} has {percent(case.verdict.error(linear))}."
    yield from _of_others(case, best.name)


def _against(case: Case, best: Network, rival: Network) -> str:
    verdict, (ours, theirs) = case.verdict, (best.name, rival.name)
    size = f"{rival.shape} with {rival.params:,} parameters"
    who = f"the best MLP, {size}" if rival.is_mlp else f"the best KAN, {rival}"
    has = percent(verdict.error(theirs))
    ratio = verdict.ratio(theirs, ours)
    if ratio.low > 1.0:
        return f"It is better than {who}, which has {has} (error ratio {_range(ratio)})."
    if ratio.high < 1.0:
        return f"On these rows {who}, has less, {has}, although it had more on the rows that chose."
    return f"It cannot be told apart from {who} ({has}), so take the one you prefer."


def _of_linear(case: Case) -> Iterator[str]:
    linear = case.linear
    yield f"Use {_a(linear)}: {_error(case, linear)}."
    yield f"{_no_better(case, case.best, linear)}." if case.best else NONE
    yield from _of_others(case, linear)


def _of_trivial(case: Case) -> Iterator[str]:
    trivial, linear = case.trivial, case.linear
    what = "the shares of the classes" if case.task.classes else "the mean of the target"
    yield f"Nothing that was tried predicts {_targets(case.task)} better than {what}, so use that."
    if case.best:
        yield f"{_no_better(case, case.best, trivial)}; {_a(linear)} has {percent(case.verdict.error(linear))}."
    else:
        yield f"{_a(linear).capitalize()} is no better: {_error(case, linear)}. {NONE}"
    yield from _of_others(case, trivial)


def _no_better(case: Case, best: Network, simple: str) -> str:
    verdict, name = case.verdict, best.name
    has = f"The best network, {_an(best)}, has {percent(verdict.error(name))}"
    if verdict.is_better(simple, name):
        return f"{has} and is worse"
    return f"{has}, which is not enough to be called better (error ratio {_range(verdict.ratio(name, simple))})"


def _of_others(case: Case, name: str) -> Iterator[str]:
    """Yield a sentence on each reference beyond the linear one, as it may be better than what is recommended."""
    for other in case.further:
        has = percent(case.verdict.error(other))
        if case.verdict.is_better(other, name):
            yield (
                f"A polynomial of degree 3 ({other}) has less, {has}; it is no network and is not saved: "
                "PolynomialFeatures(3) and Ridge of scikit-learn fit it."
            )
        elif case.verdict.is_better(name, other):
            yield f"A polynomial of degree 3 ({other}) has {has}."
        else:
            yield f"A polynomial of degree 3 ({other}) has {has}, which cannot be told apart."


def _error(case: Case, name: str) -> str:
    """Return the test error of a predictor with its interval, and a second metric in brackets."""
    error, score = case.verdict.error(name), case.task.grading.score
    more = further(case.task.grading, case.metrics[name])
    return (
        f"its error on {counted(case.verdict.rows, 'row')} that it has not seen is {percent(error)} ({score.short}, "
        f"95 % interval over rows {percent(Interval(error.low))} .. {percent(Interval(error.high))}; {more})"
    )


def further(grading: Grading, metrics: dict[str, float]) -> str:
    """Return the metric that people know beside the score."""
    if "accuracy" in metrics:
        return f"accuracy {100.0 * metrics['accuracy']:.1f} %"
    return f"{'mean ' * (grading.n_outputs > 1)}R^2 {metrics['r2']:.4f}"


def percent(error: Interval) -> str:
    """Return a relative error in percent, with three digits."""
    return f"{digits(100.0 * error.estimate)} %" if error.estimate >= 1e-6 else f"{error.estimate:.1e}"


def _range(ratio: Interval) -> str:
    return f"{digits(ratio.estimate)}, {digits(ratio.low)} .. {digits(ratio.high)}"


def _a(reference: str) -> str:
    """Return a reference with its article."""
    return {"linear": "a linear model", "logistic": "a logistic regression"}.get(reference, f"the {reference}")


def _an(network: Network) -> str:
    """Return a network with its article."""
    return f"{'an' if network.is_mlp else 'a'} {network}"


def _targets(task: TableTask) -> str:
    return task.target if isinstance(task.target, str) else ", ".join(task.target)
