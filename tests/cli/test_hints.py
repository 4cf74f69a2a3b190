"""Whoever comes from pykan, Lightning or scikit-learn is answered by words that run here."""

import shlex

import hydra
import pytest

from kanbench.cli.command import perform
from kanbench.cli.hints import HINTS, hint_for
from kanbench.cli.words import Words
from kanbench.config.read import read_config
from kanbench.errors import UsageError

SAMPLES = {  # the value that somebody types; 7 for all others
    **dict.fromkeys(("task", "tasks", "equation", "data.task"), "I.6.2"),
    "formula": "sin(3*x)",
    **dict.fromkeys(("dataset", "suite"), "feynman"),
    **dict.fromkeys(("device", "accelerator"), "cpu"),
    **dict.fromkeys(("precision", "dtype"), "single"),
    **dict.fromkeys(("opt", "optim", "solver"), "lbfgs"),
    "model.basis": "chebyshev",
    "model.aggregation": "mean",
    **dict.fromkeys(("csv", "file", "path", "table"), "my.csv"),
    **dict.fromkeys(("params", "n_params", "parameters", "budgets", "budget.params"), "100"),
    **dict.fromkeys(("lr", "learning_rate", "learning_rate_init", "rate", "optimizer.lr", "model.lr"), "1e-3"),
    **dict.fromkeys(("depth", "n_layers", "num_layers", "model.layers", "model.num_layers"), "2"),
    **dict.fromkeys(("output", "out", "output_dir", "save_dir", "log_dir", "default_root_dir"), "my_runs"),
    **dict.fromkeys(("noise", "noise_scale"), "0.1"),
    "activation": "silu",
    "base_fun": "silu",
    "optimizer.learning_rate": "1e-3",
    "target": "y",
    "gpus": "0",
    "devices": "0",
    "trainer.gpus": "0",
}


def typed(key):
    return key if key in ("run", "train", "fit") else f"{key}={SAMPLES.get(key, '7')}"


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_text("a,b,y\n" + "".join(f"{i},{i * i % 7},{i + i * i % 5}\n" for i in range(60)))


def jobs(words):
    """The words of a run, or of each job of a sweep over one group."""
    given = [word for word in words if word != "-m"]
    if len(given) == len(words):
        return [given]
    key, _, values = given[-1].partition("=")
    return [[*given[:-1], f"{key}={value}"] for value in values.split(",")]


def said(key):
    """The words that a hint says in place of a typed word with a value."""
    return HINTS[key].words.format(SAMPLES.get(key, "7"))


@pytest.mark.parametrize("key", HINTS)
def test_what_is_typed_elsewhere_is_answered_by_its_hint(key):
    with pytest.raises(UsageError) as error:
        Words.parse(["budget=large", typed(key)])
    assert str(error.value) == hint_for(typed(key))
    assert f"{typed(key)}: say {said(key)}; " in str(error.value) or not said(key)


@pytest.mark.parametrize("say", sorted({said(key) for key in HINTS} - {""}))
def test_the_words_of_a_hint_run(say, table):
    smallest = ["budget=large"] if "budget" not in say else []
    for words in jobs(shlex.split(say)):
        given = Words.parse([*smallest, *words])
        with given.composing():
            assert read_config(hydra.compose(given.name, list(given.overrides))).cells()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("epochs=100", "epochs=100: say optimizer.steps=100; a training is counted in steps of the optimizer"),
        ("--epochs=100", "--epochs=100: say optimizer.steps=100; a training"),
        ("+epochs=100", "+epochs=100: say optimizer.steps=100; a training"),
        ("lr=1e-3", "lr=1e-3: say optimizer=adam optimizer.rates=[1e-3]; all rates of a list are tried"),
        ("lr=", "lr=: say optimizer=adam optimizer.rates=[...]; all rates"),
        ("basis.grid=5", "basis.grid=5: say basis.intervals=5; the grid of a B-spline is counted in intervals"),
        ("model.width=5", "model.width=5: say budget.targets=[100]; the budget of parameters gives the width"),
        ("model.width=[2,5,1]", "model.width=[2,5,1]: say budget.targets=[100]; the budget"),
        ("run experiment=smoke", "run: say experiment=smoke; the words of a run stand alone after python -m kanbench"),
        (
            "model=transformer",
            "model=transformer: unknown option 'transformer'; known: kan, mlp, own (options: kan, mlp, own)",
        ),
        (
            "model.basis=chebyshev",
            "model.basis=chebyshev: say basis=chebyshev; it is that of all KANs but a baseline with",
        ),
        ("formula=x**2", "formula=x**2: say data=formula 'data.formula=x**2' 'data.variables={x: [-1, 1]}'; a formula"),
        ("lamb=0.01", "lamb=0.01: runs have no penalty; kanbench.training.train has one for a module"),
        ("gird=3", "unknown key 'gird'"),
    ],
)
def test_the_sentence_is_the_one_that_the_user_needs(words, said):
    with pytest.raises(UsageError) as error:
        Words.parse(words.split())
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("word", "name"),
    [("optimizers", "optimizers"), ("optimizer", "optimizers"), ("basis", "bases"), ("budget", "budgets")],
)
def test_a_topic_is_found_by_the_name_of_its_group(word, name, capsys):
    assert perform("help", word) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ")
