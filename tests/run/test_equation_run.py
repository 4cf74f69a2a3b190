"""Runs on differential equations: `experiment=pde`, an equation of one's own, and what is refused."""

import json
import re

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import kanbench as kb
from kanbench.analysis import load_records
from kanbench.analysis.baselines import missing_baselines
from kanbench.cli.main import answer
from kanbench.cli.words import Words
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.data.equations.renewal import Balance, Renewal, Rows
from kanbench.errors import ConfigError
from kanbench.page import PageOptions, find_source, write_page
from kanbench.run.running import run

QUICK = [
    *("budget.targets=[40]", "seeds=1", "data.train=100", "data.validation=100", "data.test=100"),
    *("optimizer.steps=20", "trainer.workers=1", "basis=chebyshev"),
]
SPLINES = ["basis.degree=5", "basis.intervals=5"]
OWN = """
title: Mine
source: a notebook
tasks:
  - name: decay
    variables: {t: [0, 2]}
    residual: "u_t + u**2"
    conditions: [{where: "t=0", u: 1}]
    exact: "1/(1+t)"
"""


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1])


def unscaled(plain):
    return plain["scale"] * np.array(plain["values"])


def config(*words):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return read_config(compose("config", list(Words.parse([*words]).overrides)))


def test_the_experiment_compares_networks_with_classical_solvers(tmp_path, capsys):
    given = config("experiment=pde", "data.tasks=[poisson_1d]", f"results={tmp_path}", *QUICK)
    assert run(given, ["kanbench"], tmp_path / "pde" / "jobs" / "1") == 0
    every = load_records(given.folder)
    assert set(every.method) == {"KAN Chebyshev", "MLP tanh", "finite differences", "spectral collocation"}
    assert set(every.status) == {"ok"}
    assert sorted(every.unknowns.dropna()) == [40, 40, 400, 400, 800, 800]
    records = every[~(every.unknowns > 40)].set_index("method")
    assert records.loc["spectral collocation"].test_rel_l2 < 1e-12
    assert records.loc["finite differences"].test_rel_l2 == pytest.approx(3e-3, rel=0.5)
    said = " ".join(capsys.readouterr().out.split())
    assert "error: relative L2 error of u on the test grid" in said
    assert "spectral collocation" in said
    assert missing_baselines(records.reset_index()) == ["an MLP of depth 1", "an MLP of depth 2"]
    assert "/solution_*.png (1 equation)" in said
    assert [path.name for path in given.folder.glob("reports/*/solution_*")] == ["solution_poisson_1d.png"]
    page = tmp_path / "page.html"
    write_page(find_source(given.folder), page, PageOptions())
    (solved,) = data_of(page)["solutions"]
    assert solved["axes"] == [[-1.0, 1.0, 401]]
    u = kb.load_solution(given.folder, "poisson_1d", "MLP tanh")
    (found,) = [each for each in solved["found"] if each["method"] == "MLP tanh"]
    assert found["error"] == pytest.approx(records.loc["MLP tanh"].test_rel_l2, rel=5e-3)
    x, (reference, off) = np.linspace(-1, 1, 401), map(unscaled, (solved["reference"], found["off"]))
    np.testing.assert_allclose(off, u(x) - np.sin(np.pi * x), atol=1e-4 * np.abs(off).max())
    np.testing.assert_allclose(reference, np.sin(np.pi * x), atol=1e-4)


def test_an_equation_of_ones_own_is_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text(OWN)
    words = ["data=pde", f"data.suite={tmp_path / 'mine.yaml'}", f"results={tmp_path}", "name=own", "baseline=none"]
    given = config(*words, *QUICK)
    assert run(given, ["kanbench"], tmp_path / "own" / "jobs" / "1") == 0
    (member,) = load_records(given.folder).to_dict("records")
    assert (member["task"], member["suite"], member["status"]) == ("decay", "mine", "ok")
    assert member["test_rel_l2"] < 1e-2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["model=mlp", "model.activation=relu", "baseline=none"], "MLP relu has 0 continuous derivatives"),
        (["basis=bspline", "basis.degree=1"], "model: KAN BSpline degree=1 has 0 continuous derivatives"),
        (["optimizer=adam", "optimizer.batch=10"], "optimizer.batch: must be 0 for differential equations"),
        (["optimizer=adam", "trainer.compile=true"], "trainer.compile: must be false for differential equations"),
        (["data.noise=0.1"], "task poisson_1d: an equation has no targets to disturb, so noise must be 0"),
        (["data.extrapolation=0.1"], "so extrapolation must be 0"),
        (["data.suite=toy", "data.tasks=[product]"], "data.suite: must be of differential equations, and toy is not"),
        (["data.suite=OWN", "data.hard=true", "data.tasks=[decay]"], "data.hard: decay is without a hard form"),
        (["data.weight=0"], "data.weight: must be a positive number, got 0.0"),
        (["data.rounds=0"], "data.rounds: must be at least 1, got 0"),
        (["data.rows=adaptive"], "data.rows: must be fixed with rounds=1, which renews no rows, got 'adaptive'"),
        (["data.rows=new"], "data.rows: expected one of fixed, resampled, adaptive, got 'new'"),
        (["data.balance=ntk"], "data.balance: expected one of equal, gradients, got 'ntk'"),
        (["data.causal=-1"], "data.causal: must not be negative, got -1.0"),
        (["data.causal=1", "data.tasks=[poisson,burgers]"], "weights need a variable t, the time; .*: poisson$"),
        (["data.weight=2", "data.balance=gradients"], "data.weight: must be 1 with balance=gradients, which sets the"),
        (["data.hard=true", "data.balance=gradients"], "balance=gradients needs a condition that is left to the loss"),
        (["data.rounds=9", "optimizer.steps=8"], "data.rounds: must be at most the number of steps, 8, got 9"),
        (["data.rounds=2", "model.stages=[3,5]", *SPLINES], "must be left as they are for .*, because its basis grows"),
        (["data.tasks=[poison]"], "unknown task of suite pde 'poison'; did you mean poisson"),
    ],
)  # fmt: skip
def test_what_no_equation_can_be_trained_with_is_one_sentence(tmp_path, words, sentence):
    (tmp_path / "own.yaml").write_text(OWN)
    words = [word.replace("OWN", str(tmp_path / "own.yaml")) for word in words]
    with pytest.raises(ConfigError, match=f"{sentence}") as caught:
        config("data=pde", "data.tasks=[poisson_1d]", *words)
    assert "\n" not in str(caught.value)


def test_the_weight_of_conditions_is_in_the_key_and_multiplies_their_own():
    one, ten = (config("data=pde", "data.tasks=[poisson_1d]", f"data.weight={weight}") for weight in (1, 10))
    assert [each.weight for each in ten.tasks[0].conditions] == [10.0, 10.0]
    assert one.cells()[0].key != ten.cells()[0].key


def test_rounds_are_in_every_task_that_is_trained():
    words = ["data.rounds=10", "data.rows=adaptive", "data.balance=gradients", "data.causal=1"]
    given = config("data=pde", "data.tasks=[advection,burgers]", *words)
    assert [each.renewal for each in given.tasks] == [Renewal(10, Rows.adaptive, Balance.gradients, 1.0)] * 2


def test_too_few_conditions_are_said_before_the_run(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text(OWN.replace("u_t + u**2", "u_tt - 2*u**3"))
    words = ["data=pde", f"data.suite={tmp_path / 'mine.yaml'}", f"results={tmp_path}", *QUICK, "--dry-run"]
    assert answer(words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the equation is of order 2 in t, and there is 1 condition at the ends of t" in said


def test_equations_are_listed_with_their_conditions(capsys):
    assert answer(["list", "pde"]) == 0
    said = capsys.readouterr().out
    assert (
        "burgers\n    u_t + u*u_x - 0.01/pi*u_xx = 0\n    x in [-1, 1], t in [0, 1]\n    u-(-sin(pi*x)) = 0 at t=0\n"
        in said
    )
    assert "u periodic in x" in said
    assert "k is unknown: 0.1 is to be found from 1" in said


def test_solvers_have_as_many_unknowns_as_a_network_of_fixed_shape_has_parameters():
    given = config(
        "data=pde", "data.tasks=[poisson_1d,poisson]", "model=mlp", "model.hidden=[3,3]", "references=true", "seeds=1"
    )
    parameters = {"poisson_1d": 2 * 3 + 4 * 3 + 4, "poisson": 3 * 3 + 4 * 3 + 4}
    for task, n in parameters.items():
        cells = [cell for cell in given.cells() if cell.task.name == task]
        assert n in {cell.budget for cell in cells}
        assert sum(getattr(cell.method, "unknowns", 0) == n for cell in cells) == 2
