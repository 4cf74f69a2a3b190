"""Each addition that CONTRIBUTING lists, made with a throw-away example: new files alone, and no edit elsewhere.

New files lie in folders that join the rooms of the package, as if they had been dropped there; YAML is found by
`--config-dir`, as if it lay in `conf`.
"""

import math
import sys
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import hydra
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

import kanbench.data.grading
from kanbench.analysis import load_records
from kanbench.bases import BASES, Basis
from kanbench.cells import restore_cell, run_cell
from kanbench.cli.command import commands, parsers
from kanbench.cli.main import answer
from kanbench.cli.words import Words
from kanbench.config.read import read_config, read_system
from kanbench.data import TASKS, SplitSizes, TaskSettings, sample
from kanbench.errors import ConfigError
from kanbench.files.registry import registered
from kanbench.methods import METHODS, REFERENCES, NetworkMethod
from kanbench.models import KAN
from kanbench.page import PageOptions, find_source, write_page
from kanbench.report.figures.gallery import FIGURES
from kanbench.report.result import Result
from kanbench.report.tables import write_tables
from kanbench.run.running import run
from kanbench.store.record import read_record
from kanbench.systems import SYSTEMS, System
from kanbench.systems.run import run_system
from kanbench.training import LOSSES, OPTIMIZERS, Ensemble, Loss, Optimizer

QUICK = [
    *("name=added", "budget.targets=[60]", "seeds=2", "data.train=60", "data.validation=40", "data.test=50"),
    *("optimizer=lbfgs", "optimizer.steps=12", "optimizer.check_every=6", "trainer.workers=1"),
]
ON_FEYNMAN = ["data=feynman", "data.tasks=[I.12.11]", *QUICK]


class House:
    """The package and its configs with some files more."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.conf, self.results = folder / "conf", folder / "results"
        self._folder, self._monkeypatch = folder, monkeypatch
        self.conf.mkdir()

    def add_module(self, package: str, name: str, code: str, registry: dict, base: type) -> None:
        """A file in a room, found as the room finds its own files."""
        self.add_file(package, name, code)
        found = registered(package, base)
        assert registry.items() < found.items()
        for word in found.keys() - registry.keys():
            self._monkeypatch.setitem(registry, word, found[word])

    def add_file(self, package: str, name: str, code: str) -> None:
        """A file in a room."""
        room, folder = import_module(package), self._folder / package
        folder.mkdir()
        (folder / f"{name}.py").write_text(dedent(code))
        self._monkeypatch.setattr(room, "__path__", [*room.__path__, str(folder)])

    def add_yaml(self, name: str, text: str) -> None:
        path = self.conf / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))

    def node(self, *words: str):
        given = Words.parse([f"--config-dir={self.conf}", f"results={self.results}", *words])
        with given.composing():
            return hydra.compose(given.name, list(given.overrides))

    def config(self, *words: str):
        return read_config(self.node(*words))

    def run(self, *words: str):
        """A whole run; the frame of its records."""
        config = self.config(*words)
        assert run(config, ["python", "-m", "kanbench"], self.results / "job") == 0
        return load_records(config.folder)


@pytest.fixture
def house(tmp_path, monkeypatch):
    before = set(sys.modules)
    yield House(tmp_path, monkeypatch)
    GlobalHydra.instance().clear()
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            package, _, module = name.rpartition(".")
            delattr(sys.modules[package], module)
            del sys.modules[name]


FIBONACCI = """
    from dataclasses import dataclass
    from kanbench.bases.polynomials import Polynomials

    @dataclass(frozen=True)
    class Fibonacci(Polynomials):
        "1, z, z^2 + 1, z^3 + 2 z and so on."

        def recurrence(self, n: int) -> tuple[float, float, float]:
            return 1.0, 0.0, -1.0
"""


def test_a_basis_is_a_module_and_a_yaml(house):
    house.add_module("kanbench.bases", "fibonacci", FIBONACCI, BASES, Basis)
    house.add_yaml("basis/fibonacci", "name: fibonacci\ndegree: 3\nconstant: false\nlow: -1.0\nhigh: 1.0\n")
    basis = BASES["fibonacci"](degree=3)
    terms = basis.expand(torch.tensor([[0.5]], dtype=torch.float64)).flatten()
    model = KAN([1, 1], basis, generator=torch.Generator(), dtype=torch.float64)
    assert sum(parameter.numel() for parameter in model.parameters()) == 3 + 1  # the terms of one edge and a bias
    np.testing.assert_allclose(terms, [0.5, 1.25, 1.125], rtol=1e-14)
    records = house.run("basis=fibonacci", "model.depth=1", *ON_FEYNMAN)
    assert set(records.family) == {"KAN Fibonacci", "MLP"}
    assert set(records.status) == {"ok"}
    assert records.loc[records.basis == "Fibonacci", "method"].unique().tolist() == ["KAN Fibonacci depth=1"]


BUMPS = """
    from dataclasses import dataclass
    from typing import Any
    import torch
    from torch import Tensor, nn
    from kanbench.errors import require
    from kanbench.methods.base import NetworkMethod, changes

    class Bumps(nn.Module):
        "A weighted sum of Gaussians with learned centres: (n, n_in) -> (n, n_out)."

        def __init__(self, n_in, width, n_out, sharpness, generator, dtype) -> None:
            super().__init__()
            self.centre = nn.Parameter(torch.rand(width, n_in, generator=generator, dtype=dtype) * 2 - 1)
            self.weight = nn.Parameter(torch.randn(width, n_out, generator=generator, dtype=dtype) / width)
            self.sharpness = sharpness

        def forward(self, x: Tensor) -> Tensor:
            distance = (x.unsqueeze(-2) - self.centre).square().sum(dim=-1)
            return torch.exp(-self.sharpness * distance) @ self.weight

    @dataclass(frozen=True)
    class BumpsMethod(NetworkMethod):
        "Gaussians with learned centres."

        sharpness: float = 1.0

        def __post_init__(self) -> None:
            super().__post_init__()
            require(self.sharpness > 0, "sharpness", "must be positive", self.sharpness)

        @property
        def family(self) -> str:
            return "Bumps"

        @property
        def label(self) -> str:
            return " ".join(["Bumps", *changes(self)])

        def columns(self) -> dict[str, Any]:
            return {"depth": self.depth, "sharpness": self.sharpness}

        def build(self, n_in, nodes, generator, dtype, n_out=1) -> nn.Module:
            return Bumps(n_in, nodes, n_out, self.sharpness, generator, dtype)

        def count(self, n_in: int, nodes: int, n_out: int = 1) -> int:
            return nodes * (n_in + n_out)
"""


@pytest.fixture
def with_bumps(house):
    house.add_module("kanbench.methods", "bumps", BUMPS, METHODS, NetworkMethod)
    house.add_yaml("model/bumps", "# Gaussians\nname: bumps\ndepth: 1\nsharpness: 1.0\n")
    return house


def test_a_kind_of_method_with_a_module_of_its_own_is_a_module_and_a_yaml(with_bumps):
    records = with_bumps.run("model=bumps", "model.sharpness=0.5", *ON_FEYNMAN)
    ours = records[records.family == "Bumps"]
    assert set(records.family) == {"Bumps", "MLP"}
    assert set(ours.method) == {"Bumps sharpness=0.5"}
    assert set(ours.sharpness) == {0.5}
    assert set(ours.status) == {"ok"}
    n_inputs = 5
    assert set(ours.params) == {10 * (n_inputs + 1)} == {60}
    assert (ours.test_rel_l2 < 1.0).all()


def test_a_kind_of_method_is_in_the_tables_the_figures_and_the_page(with_bumps, tmp_path):
    records = with_bumps.run("model=bumps", *ON_FEYNMAN)
    (written,) = write_tables(records, tmp_path / "tables", baseline="MLP tanh")
    assert written.said.startswith("Bumps ")
    errors = pd.read_csv(tmp_path / "tables" / "errors.csv").set_index("method")
    best = records.groupby(["method", "seed"]).test_rel_l2.min().groupby("method").median()
    assert errors.loc["Bumps", "error"] == pytest.approx(best["Bumps"], rel=1e-9)
    legend = (tmp_path / "tables" / "performance_profile.svg").read_text()
    assert legend.count("<!-- Bumps -->") == legend.count("<!-- MLP tanh -->") > 0
    page = tmp_path / "report.html"
    assert (
        write_page(find_source(with_bumps.results / "job"), page, PageOptions()) == 4
    )  # the best and the middle of both
    assert "a Bumps is not a sequence of layers" in page.read_text()  # why its network cannot be drawn


def test_a_kind_of_method_can_be_the_baseline_and_its_mistakes_have_the_place_in_the_config(with_bumps):
    assert [each.label for each in with_bumps.config("baseline=bumps", *ON_FEYNMAN).methods] == ["KAN BSpline", "Bumps"]
    with pytest.raises(ConfigError, match=r"^baseline.sharpness must be positive, got -1.0$"):
        with_bumps.config("baseline=bumps", "baseline.sharpness=-1", *ON_FEYNMAN)


def test_a_network_of_a_new_kind_is_found_again_from_its_record(with_bumps):
    config = with_bumps.config("model=bumps", "baseline=none", *ON_FEYNMAN)
    assert run(config, ["python", "-m", "kanbench"], with_bumps.results / "job") == 0
    (cell,) = config.cells()
    record = read_record(config.folder / "cells" / f"{cell.key}.json")
    assert restore_cell(record.cell).key == cell.key


# The point at an angle on a circle: two outputs, trained by the mean distance to the point.
ARC = """
    from dataclasses import dataclass
    from typing import ClassVar
    import numpy as np
    from kanbench.data.grading import Grading, Score
    from kanbench.data.randomness import stream
    from kanbench.data.splits import Dataset, Split
    from kanbench.data.task import Suite, Task, TaskSettings

    @dataclass(frozen=True)
    class Points(Grading):
        "Points of the plane, graded by their distance."

        loss: ClassVar[str] = "distance"
        references: ClassVar[str] = "regression"
        score: ClassVar[Score] = Score("rel_distance", "relative distance on test", "relative distance", "the centroid")

        @property
        def n_outputs(self):
            return 2

        def targets(self, dataset, y):
            return dataset.standardize(y)

        def predictions(self, dataset, outputs):
            return dataset.restore(outputs)

        def for_references(self, y):
            return y

        def grade(self, dataset, predictions, y):
            off = np.linalg.norm(predictions - y, axis=1).mean()
            return {"rel_distance": off / np.linalg.norm(y - dataset.train.y.mean(axis=0), axis=1).mean(), "miss": off}

    @dataclass(frozen=True)
    class Axes:
        width: float = 1.0
        height: float = 10.0

    @dataclass(frozen=True)
    class Arc(Task):
        "(width cos, height sin) of turns pi x for x in [-1, 1]."

        name: str
        turns: float
        axes: Axes = Axes()
        same_as: str = ""
        source: str = ""
        note: str = ""

        @property
        def n_inputs(self):
            return 1

        @property
        def grading(self):
            return Points()

        def may_fail(self, conditions):
            return conditions.extrapolation > 0

        def rows(self, sizes):
            return sizes

        def split(self, seed, sizes, conditions):
            if conditions.extrapolation:
                raise ValueError(f"task {self.name}: an arc ends where it ends, so extrapolation must be 0")
            return Dataset(*(self._draw(seed, name, getattr(sizes, name)) for name in ("train", "validation", "test")))

        def _draw(self, seed, purpose, n):
            x = np.random.default_rng(stream(seed, purpose, self.name)).uniform(-1, 1, (n, 1))
            angle = np.pi * self.turns * x[:, 0]
            return Split(x, np.stack([self.axes.width * np.cos(angle), self.axes.height * np.sin(angle)], axis=1))

    @dataclass(frozen=True)
    class ArcSettings(TaskSettings):
        turns: tuple[float, ...] = (0.25, 0.5)

        def read(self):
            if not all(0 < turns < 1 for turns in self.turns):
                raise ValueError(f"turns: must be between 0 and 1, got {self.turns}")
            return Suite("arc", "Arcs of a circle", tuple(Arc(f"arc_{turns:g}", turns) for turns in self.turns))
"""


def _distance(predictions, y):
    return (predictions - y).square().sum(dim=-1).sqrt().mean(dim=1)


@pytest.fixture
def with_arcs(house, monkeypatch):
    house.add_module("kanbench.data", "arc", ARC, TASKS, TaskSettings)
    house.add_yaml("data/arc", "name: arc\nturns: [0.25, 0.5]\ntrain: 60\nvalidation: 60\ntest: 60\nnoise: 0.0\n")
    monkeypatch.setitem(LOSSES, "distance", Loss("distance", _distance))  # the line in training/losses.py
    return house


def test_a_kind_of_task_with_a_loss_and_two_outputs_of_its_own_is_a_module_a_loss_and_a_yaml(with_arcs):
    records = with_arcs.run("data=arc", *QUICK, "references=true", "basis=chebyshev", "data.noise=0.01")
    assert set(records.task) == {"arc_0.25", "arc_0.5"}
    assert set(records.suite) == {"arc"}
    assert set(records.metric) == {"rel_distance"}
    assert set(records.measure) == {"relative distance on test"}
    assert set(records.status) == {"ok"}
    by_family = records.groupby("family").test_rel_distance.median()
    assert by_family["KAN Chebyshev"] < 0.5
    assert by_family["MLP"] < 0.5
    constant = records[records.method == "constant"].test_rel_distance
    np.testing.assert_allclose(constant, 1.0, rtol=1e-2)  # the centroid itself, but for the noise
    assert set(records[records.method == "linear"].params) == {2 * 2}


def test_a_kind_of_task_goes_from_its_run_to_tables_figures_terminal_and_page_under_the_name_of_its_score(
    with_arcs, tmp_path, capsys
):
    records = with_arcs.run("data=arc", *QUICK, "basis=chebyshev")
    name = "relative distance on test"
    assert f"error: {name}, geometric mean over 2 tasks" in " ".join(capsys.readouterr().out.split())
    result = Result.of(records, "Arcs", "MLP tanh")
    result.tables(tmp_path / "tables")
    assert (tmp_path / "tables" / "errors.md").read_text().startswith("Relative distance on test by parameter budget")
    errors = pd.read_csv(tmp_path / "tables" / "errors.csv").set_index("method").error
    members = records.assign(error=records.test_rel_distance.clip(upper=1.0))
    medians = members.pivot_table("error", "method", "task", aggfunc="median")
    for method, of_tasks in medians.iterrows():
        assert errors[method] == pytest.approx(np.sqrt(of_tasks.prod()), rel=1e-9)
    for figure in ("loss_vs_parameters", "performance_profile", "tasks"):
        assert "relative distance" in (tmp_path / "tables" / f"{figure}.svg").read_text()
    page = tmp_path / "report.html"
    write_page(find_source(with_arcs.results / "job"), page, PageOptions())
    text = page.read_text()
    assert f'"measure":"{name}"' in text
    assert '"metrics":["rel_distance"]' in text
    assert "the page draws networks of one output" in text


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "lbfgs"])
def test_two_outputs_go_through_batches_and_every_optimizer_that_takes_the_loss(with_arcs, optimizer):
    rates = (
        [] if optimizer == "lbfgs" else ["optimizer.rates=[0.03,0.3]", "optimizer.batch=16", "optimizer.doublings=0"]
    )
    words = ["data=arc", "data.turns=[0.5]", *QUICK, f"optimizer={optimizer}", "optimizer.steps=200", *rates]
    records = with_arcs.run(*words, "optimizer.check_every=50", "baseline=none", "model.depth=1", "basis.intervals=5")
    assert len(records) == (2 if optimizer == "lbfgs" else 4)
    assert set(records.status) == {"ok"}
    assert records.test_rel_distance.min() < 0.4


def test_mistakes_about_a_kind_of_task_are_one_sentence_with_their_place(with_arcs):
    for words, sentence in [
        (["data.turns=[2]"], r"^data.turns: must be between 0 and 1, got \(2.0,\)$"),
        (["data.turns=0.5"], r"^data.turns: must be a list, got 0.5; say data.turns=\[0.5\]$"),
        (["data.extrapolation=0.5"], r"^data: task arc_0.25: an arc ends where it ends, so extrapolation must be 0"),
        (["+data.angle=3"], r"^data: unknown key 'angle'"),
        (["+data.path=x.csv"], r"^data.path is a key of data=table only; ~data.path takes it out$"),
        (["data.train=1"], r"^data: every split must have at least 2 rows, got \(1, 40, 50\)$"),
        (["optimizer=lm"], r"^optimizer: lm .* arc_0.25 have the loss distance; choose adam or lbfgs"),
    ]:
        with pytest.raises(ConfigError, match=sentence):
            with_arcs.config("data=arc", *QUICK, *[f"+{w}" if w.startswith("data.extra") else w for w in words])
    with_arcs.add_yaml("data/spiral", "name: spiral\ntrain: 60\nvalidation: 60\ntest: 60\n")
    with pytest.raises(ConfigError, match=r"^data.name: unknown kind of task 'spiral'"):
        with_arcs.config("data=spiral", *QUICK)


def test_a_task_of_a_new_kind_is_found_again_from_its_record_with_the_dataclasses_in_it(with_arcs):
    for cell in with_arcs.config("data=arc", *QUICK).cells():
        restored = restore_cell(cell.describe())
        assert restored.key == cell.key
        assert repr(restored.task) == repr(cell.task)


def test_levenberg_marquardt_trains_squares_of_two_outputs(with_arcs, monkeypatch):
    monkeypatch.setattr(sys.modules["kanbench.data.arc"].Points, "loss", "mse")
    network = with_arcs.config("data=arc", *QUICK, "optimizer=lm", "optimizer.steps=20").cells()[-1]
    assert {member["status"] for member in run_cell(network).members} == {"ok"}


def test_each_output_is_scaled_by_itself_and_squares_are_the_mean_over_rows_and_outputs(with_arcs):
    (task, _) = with_arcs.config("data=arc", *QUICK).tasks
    data = sample(task, 0, SplitSizes(50, 50, 50))
    scaled = data.standardize(data.train.y)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0, rtol=1e-14)
    np.testing.assert_allclose(data.restore(scaled), data.train.y, rtol=1e-14, atol=1e-14)
    outputs, y = torch.from_numpy(np.stack([scaled, 2 * scaled])), torch.zeros(2, 50, 2, dtype=torch.float64)
    np.testing.assert_allclose(Loss.mse.of(outputs, y), [1.0, 4.0], rtol=1e-14)


@pytest.mark.parametrize("reference", REFERENCES["regression"], ids=lambda each: each.label)
def test_a_reference_of_two_outputs_without_a_ridge_is_one_of_each(reference):
    generator = np.random.default_rng(0)
    x, y = generator.uniform(-1, 1, (50, 2)), generator.normal(size=(50, 2))
    plain = type(reference)("plain", reference.degree)
    together = plain.fit(x, y, x, y).predict(x)
    for output in range(2):
        np.testing.assert_allclose(plain.fit(x, y[:, output], x, y[:, output]).predict(x), together[:, output])
    assert (plain.count(2, 2), plain.flops(2, 2)) == (2 * plain.count(2), 2 * plain.flops(2))


SPREAD = """
    from kanbench.report.figures.canvas import blank, figure_of, styled
    from kanbench.report.figures.style import put_title

    def spread(result, ax=None):
        "The errors of all seeds of every method, side by side."
        with styled(ax):
            figure = figure_of(ax) if ax else blank(6.0, 4.0)
            axes = ax or figure.subplots()
            for place, method in enumerate(result.methods):
                scores = result.chosen.score[result.chosen.method == method]
                axes.plot([place] * len(scores), scores, "o", color=result.styles[method]["color"], label=method)
            axes.set(yscale="log", ylabel=result.measure, xticks=range(len(result.methods)))
            put_title(figure, result.heading, ax)
        return figure
"""


def test_a_figure_is_a_function_in_a_module_and_its_line_in_the_gallery(house, monkeypatch, tmp_path):
    house.add_file("kanbench.report.figures", "spread", SPREAD)
    monkeypatch.setitem(FIGURES, "spread", import_module("kanbench.report.figures.spread").spread)  # the line
    result = Result.of(load_records("results/feynman"), "Spread", "MLP tanh").choose(["MLP tanh", "KAN BSpline"])
    for name in [*FIGURES]:
        if name != "spread":
            monkeypatch.delitem(FIGURES, name)  # they are drawn in other tests
    result.tables(tmp_path, formats=["svg", "pdf"], width=3.4)
    assert {path.name for path in tmp_path.glob("spread.*")} == {"spread.svg", "spread.pdf"}
    assert "relative L2 error on test" in (tmp_path / "spread.svg").read_text()
    figure, (left, right) = plt.subplots(ncols=2)
    plt.close(figure)
    assert result.plot("spread", ax=right) is figure
    for line, method in zip(right.get_lines(), result.methods, strict=True):
        assert sorted(line.get_ydata()) == sorted(result.chosen.score[result.chosen.method == method])
    assert not left.has_data()


SIGN = """
    from dataclasses import dataclass
    import torch
    from kanbench.training.optimizers.base import Optimizer, State

    @dataclass(frozen=True)
    class SignDescent(Optimizer):
        "Steps of one length along the signs of the gradient."

        steps: int = 100
        check_every: int = 10
        length: float = 0.01

        @property
        def trials(self):
            return (None,)

        def start(self, ensemble, theta, rates, orders):
            zeros = torch.zeros(len(theta), dtype=torch.float64)
            return State(theta.clone(), zeros, zeros.bool(), zeros.long())

        def advance(self, ensemble, state, x, y, steps):
            for _ in range(steps):
                state.theta -= self.length * ensemble.gradients(state.theta, x, y).sign()
                state.evaluations += 1
                state.steps += 1
"""


def test_an_optimizer_is_a_module_and_a_yaml(house):
    house.add_module("kanbench.training.optimizers", "signs", SIGN, OPTIMIZERS, Optimizer)
    house.add_yaml("optimizer/signs", "name: signs\nsteps: 100\ncheck_every: 10\nlength: 0.01\n")
    line = torch.nn.Linear(1, 1, dtype=torch.float64)
    ensemble, (x, y) = (
        Ensemble([line]),
        (torch.tensor([[[1.0], [2.0]]]).double(), torch.tensor([[100.0, 200.0]]).double()),
    )
    optimizer = OPTIMIZERS["signs"](length=0.5)
    state = optimizer.start(ensemble, ensemble.start, torch.zeros(1), [])
    optimizer.advance(ensemble, state, x, y, 3)
    torch.testing.assert_close(state.theta, ensemble.start + 1.5)  # both ends are far above the line
    words = [word for word in ON_FEYNMAN if not word.startswith("optimizer")]
    records = house.run(*words, "optimizer=signs", "optimizer.length=0.005")
    assert set(records.optimizer) == {"SignDescent"}
    assert set(records.evaluations) == {100.0}
    assert set(records.status) == {"ok"}


def test_a_metric_is_a_function_and_its_line_in_the_grading(house, monkeypatch):
    grade = kanbench.data.grading.grade

    def with_median(predictions, target, train_mean):
        return grade(predictions, target, train_mean) | {"median_error": float(np.median(np.abs(predictions - target)))}

    monkeypatch.setattr(kanbench.data.grading, "grade", with_median)
    records = house.run(*ON_FEYNMAN, "basis=chebyshev")
    for split in ("train", "val", "test"):
        assert (records[f"{split}_median_error"] <= records[f"{split}_rmse"] * math.sqrt(2.0)).all()
        assert (records[f"{split}_median_error"] > 0).all()


COIN = """
    from dataclasses import dataclass
    import numpy as np
    from kanbench.systems.base import System
    from kanbench.systems.findings import Check, Findings

    @dataclass(frozen=True)
    class Coin(System):
        "Tosses of a coin."

        tosses: int = 100

        def run(self, console):
            heads = int(np.random.default_rng(0).integers(2, size=self.tosses).sum())
            fair = Check("the coin is fair", abs(heads - self.tosses / 2) < 2 * self.tosses**0.5, f"{heads} heads")
            return Findings("A coin was tossed.", [fair], {"heads": heads})
"""


def test_a_system_is_a_module_and_two_yamls(house, capsys):
    house.add_module("kanbench.systems", "coin", COIN, SYSTEMS, System)
    house.add_yaml("system/coin", "# Tosses of a coin.\nname: coin\ntosses: 100\n")
    house.add_yaml("experiment/coin", "# @package _global_\ndefaults:\n  - override /system: coin\nname: coin\n")
    system = read_system(house.node("experiment=coin", "system.tosses=400"))
    assert system == SYSTEMS["coin"](tosses=400)
    assert run_system(system, ["python", "-m", "kanbench", "experiment=coin"], house.results) == 0
    assert "1 of 1 checks hold" in capsys.readouterr().out
    assert (house.results / "findings.json").exists()


COUNT = """
    from argparse import ArgumentParser, Namespace
    from pathlib import Path
    from kanbench.cli.command import Command

    def add(parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder of a run")
        parser.add_argument("--suffix", default=".json", help="of the files")

    def count(given: Namespace) -> int:
        print(f"{len(list(given.folder.glob('*' + given.suffix)))} files")
        return 0

    COMMAND = Command(line="count the files of a run", run=count, add=add)
"""


def test_a_command_is_a_module(house, tmp_path, capsys):
    house.add_file("kanbench.cli", "count", COUNT)
    (tmp_path / "a.json").touch()
    assert answer(["count", str(tmp_path)]) == 0
    assert answer(["count", str(tmp_path), "--suffix", ".csv"]) == 0
    assert capsys.readouterr().out == "1 files\n0 files\n"
    assert "count the files of a run" in parsers(commands())[0].format_help()
    assert answer(["count", str(tmp_path), "--sufix", ".csv"]) == 2
    assert "--suffix" in capsys.readouterr().err
    assert answer(["cuont"]) == 2
    assert "count" in capsys.readouterr().err
