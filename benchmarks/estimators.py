"""The estimators against scikit-learn's own with their defaults, on three data sets that are made here."""

import random
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_friedman1, make_moons
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.measurement import Result, Row, Settings, at_most
from kanbench import KANClassifier, KANRegressor

ROWS = 1_000  # for training, and as many for the test
OWN = ("KAN", "MLP twin")


def sum_of_sines(n: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x (n, 4), uniform in [-1, 1], and y = sum_i sin(i pi x_i) + noise of standard deviation 0.1."""
    generator = np.random.default_rng(random_state)
    x = generator.uniform(-1.0, 1.0, (n, 4))
    return x, np.sin(np.pi * np.arange(1, 5) * x).sum(axis=1) + 0.1 * generator.normal(size=n)


def friedman(n: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Friedman's first problem with noise of standard deviation 1, x (n, 10) and y (n,)."""
    return make_friedman1(n, noise=1.0, random_state=random_state)


def moons(n: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two moons with noise of standard deviation 0.2, x (n, 2) and classes (n,)."""
    return make_moons(n, noise=0.2, random_state=random_state)


DATA = {"friedman1, R^2": friedman, "sum of sines, R^2": sum_of_sines, "two moons, accuracy": moons}
Build = Callable[..., Any]
REGRESSORS: dict[str, Build] = {
    "KAN": KANRegressor,
    "MLP twin": lambda **seed: KANRegressor("mlp", **seed),
    "MLPRegressor": MLPRegressor,
    "scaler, MLPRegressor": lambda **seed: make_pipeline(StandardScaler(), MLPRegressor(**seed)),
    "HistGradientBoosting": HistGradientBoostingRegressor,
}
CLASSIFIERS: dict[str, Build] = {
    "KAN": KANClassifier,
    "MLP twin": lambda **seed: KANClassifier("mlp", **seed),
    "MLPClassifier": MLPClassifier,
    "scaler, MLPClassifier": lambda **seed: make_pipeline(StandardScaler(), MLPClassifier(**seed)),
    "HistGradientBoosting": HistGradientBoostingClassifier,
}


@dataclass(frozen=True)
class Fit:
    """One fit: the score on the test rows, wall-clock seconds, and seconds of CPU time of this process."""

    score: float
    seconds: float
    cpu: float


def run(settings: Settings) -> Result:
    """Fit every estimator once per seed, in a new order each time, and compare medians over seeds."""
    result = Result(notes=[f"{ROWS:,} training and {ROWS:,} test rows; medians over seeds, each with its own data"])
    result.notes.append("cpu: the CPU time of this process, which other work on the machine changes less")
    slowest: dict[str, float] = {}
    for title, sample in DATA.items():
        settings.console.print(f"  {title}", style="dim")
        fits = _fits(CLASSIFIERS if sample is moons else REGRESSORS, sample, settings)
        result.tables[title] = list(_table(fits))
        result.raw += [{"data": title, "estimator": name} | vars(fit) for name in fits for fit in fits[name]]
        slowest |= {f"{name}, {title}": float(np.median([fit.cpu for fit in fits[name]])) for name in OWN}
    result.goals.append(at_most(f"CPU seconds of a fit of {ROWS:,} rows", 1.0, slowest, " s"))
    return result


def _fits(contenders: dict[str, Build], sample: Callable, settings: Settings) -> dict[str, list[Fit]]:
    rows = 100 if settings.quick else ROWS
    fits: dict[str, list[Fit]] = {name: [] for name in contenders}
    for seed in range(settings.seeds):
        x, y = sample(2 * rows, random_state=seed)
        for name in random.Random(seed).sample(list(contenders), len(contenders)):
            fits[name].append(_fit(contenders[name](random_state=seed), x, y, rows))
    return fits


def _fit(estimator: Any, x: np.ndarray, y: np.ndarray, rows: int) -> Fit:
    with threadpool_limits(torch.get_num_threads()), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the MLPs at their default of 200 epochs
        started, started_cpu = time.perf_counter(), time.process_time()
        estimator.fit(x[:rows], y[:rows])
        seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    return Fit(float(estimator.score(x[rows:], y[rows:])), seconds, cpu)


def _table(fits: dict[str, list[Fit]]) -> Iterator[Row]:
    for name, of_name in fits.items():
        scores = [fit.score for fit in of_name]
        yield {
            "estimator": name,
            "score": float(np.median(scores)),
            "lowest": min(scores),
            "highest": max(scores),
            "cpu, s": float(np.median([fit.cpu for fit in of_name])),
            "wall, s": float(np.median([fit.seconds for fit in of_name])),
        }
