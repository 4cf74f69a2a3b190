"""`advise`: the answer on tables whose answer is known, the model that it saves, its time, and bad words."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import kanbench as kb
from kanbench.advice import advising, folder_of
from kanbench.advice.plan import FAMILIES, Trials
from kanbench.advice.predictors import Network, fitted_network, save_predictor
from kanbench.bases import BSpline, Fourier
from kanbench.cells import Cell, Precision
from kanbench.cli.main import answer as run
from kanbench.data import read_table, sample
from kanbench.data.splits import Shares
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import LevenbergMarquardt

RANDOM = np.random.default_rng(0)
A, B = RANDOM.uniform(-1.0, 1.0, (2, 200))
NOISE = RANDOM.normal(size=200)
TINY = [  # words of a search that takes a second
    *("seeds=1", "search.trials=3", "budget.targets=[33]", "optimizer.steps=30", "optimizer.check_every=10"),
    *("optimizer.window=10", "search.first_steps=10", "trainer.workers=1"),
]


def csv(folder, name="table", **columns):
    path = folder / f"{name}.csv"
    pd.DataFrame({"a": 50.0 * A + 7.0, "b": 1e-3 * B} | columns).to_csv(path, index=False)
    return path


def advise(path, folder, *words, minutes="2"):
    """The content of advice.json after the command, in this process."""
    words = [f"data.path={path}", *TINY, *words]
    assert run(["advise", *words, "--minutes", minutes, "--out", str(folder)]) == 0
    return json.loads((folder / "advice.json").read_text())


@pytest.fixture(scope="module", autouse=True)
def few():
    """Two families in place of six, and less time for the forecast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kanbench.advice.plan.FAMILIES", FAMILIES[:2])
        patch.setattr("kanbench.cells.forecast.SAMPLE", 0.01)
        yield


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    """The table of a smooth function, the folder of its advice, and the numbers."""
    folder = tmp_path_factory.mktemp("smooth")
    path = csv(folder, y=np.exp(np.sin(3.0 * A) + B**2) + 0.02 * NOISE)
    return path, folder / "out", advise(path, folder / "out", "data.target=y")


def of_test(path, numbers, **settings):
    """The columns of the test rows, the target there, and the mean of the target on the training rows."""
    frame, task = pd.read_csv(path), read_table(path, numbers["table"]["target"], **settings)
    train, _, test = task.dealt(0, Shares())
    assert test.tolist() == numbers["test_rows"]
    target = numbers["table"]["target"]
    return frame.iloc[test][numbers["table"]["inputs"]], frame[target].to_numpy()[test], frame[target].iloc[train]


def test_the_error_that_is_said_is_that_of_the_saved_model_on_rows_that_it_has_not_seen(smooth):
    path, folder, numbers = smooth
    assert numbers["recommended"]["name"] in ("MLP tanh", "KAN Taylor")
    x, y, seen = of_test(path, numbers)
    predictions = kb.KANRegressor.load(folder / "model.kanbench").predict(x)
    error = np.linalg.norm(predictions - y) / np.linalg.norm(y - seen.mean())
    assert numbers["recommended"]["error"] == pytest.approx(error, rel=1e-9)
    assert numbers["recommended"]["r2"] == pytest.approx(1.0 - error**2, rel=1e-9)
    assert f"{100.0 * error:.3g}" in numbers["answer"]
    assert error < 0.3


@pytest.mark.parametrize(
    "method", [KANMethod(1, basis=BSpline()), KANMethod(1, basis=Fourier()), MLPMethod(1)], ids=str
)
def test_beyond_its_range_a_saved_kan_predicts_as_at_its_end_and_an_mlp_goes_on(method, tmp_path):
    path = csv(tmp_path, y=np.sin(3.0 * A) + B)
    task = read_table(path, "y")
    config = SimpleNamespace(tasks=(task,), seeds=(0,), sizes=Shares())
    dataset = sample(task, 0, Shares())
    cell = Cell("t", "table", task, method, 33, (0,), LevenbergMarquardt(3), Shares(), Precision.double)
    predictor = fitted_network(Network(Trials("", 33, (cell,)), cell, 0, None, 0.0, None, 1), dataset)
    save_predictor(predictor, config, dataset, tmp_path / "model")
    seen = pd.read_csv(path)[["a", "b"]].iloc[task.dealt(0, Shares())[0]]
    middle, end = seen.max() - (seen.max() - seen.min()) / 2.0, seen.max()
    rows = pd.DataFrame([middle, end, end + 0.7 * (end - middle)])
    inside, at_end, beyond = kb.KANRegressor.load(tmp_path / "model").predict(rows)
    np.testing.assert_allclose(
        predictor.predict(np.array([[0.0, 0.0], [1.0, 1.0], [1.7, 1.7]])).ravel(), [inside, at_end, beyond], rtol=1e-9
    )
    assert (beyond == pytest.approx(at_end, rel=1e-12)) == isinstance(method, KANMethod)


def test_the_network_is_the_one_that_validation_chose(smooth):
    _, folder, numbers = smooth
    best = numbers["tried"][0]
    assert best["validation"] == min(each["validation"] for each in numbers["tried"])
    assert (best["family"], best["shape"]) == (numbers["recommended"]["name"], numbers["recommended"]["shape"])
    assert best["test"] == pytest.approx(numbers["recommended"]["error"], rel=1e-2)  # of the training before
    records = [json.loads(path.read_text().partition("\n")[2]) for path in (folder / "cells").glob("*.json")]
    graded = [record for record in records if "test_rel_l2" in record["members"][0]]
    assert len(graded) == len(numbers["tried"])  # one of each search has seen the test rows


def test_a_second_command_trains_nothing(smooth, capsys):
    path, folder, numbers = smooth
    before = {each: each.stat().st_mtime_ns for each in (folder / "cells").iterdir()}
    again = advise(path, folder, "data.target=y", minutes="3")
    assert {each: each.stat().st_mtime_ns for each in (folder / "cells").iterdir()} == before
    assert again["answer"] == numbers["answer"]
    assert numbers["load"][0] in capsys.readouterr().out


def test_the_lines_that_are_printed_load_the_model(smooth):
    path, _, numbers = smooth
    names = {"frame": pd.read_csv(path)}
    exec(numbers["load"][0], names)
    assert eval(numbers["load"][1], names).shape == (200,)


def test_a_linear_table_is_advised_the_linear_model(tmp_path):
    path = csv(tmp_path, y=3.0 * A - B + 0.3 * NOISE)
    numbers = advise(path, tmp_path / "out", "data.target=y")
    assert numbers["recommended"]["name"] == "linear"
    assert numbers["answer"].startswith("Use a linear model: ")
    task = read_table(path, "y")
    train = task.dealt(0, Shares())[0]
    with_one = np.column_stack([task.x, np.ones(200)])
    by_numpy = with_one @ np.linalg.lstsq(with_one[train], task.y[train], rcond=None)[0]
    predictions = kb.KANRegressor.load(tmp_path / "out/model.kanbench").predict(pd.read_csv(path)[["a", "b"]])
    np.testing.assert_allclose(predictions, by_numpy, rtol=1e-8)


def test_a_table_of_noise_is_answered_by_its_mean(tmp_path):
    path = csv(tmp_path, y=NOISE)
    numbers = advise(path, tmp_path / "out", "data.target=y")
    assert numbers["recommended"]["name"] == "constant"
    assert "Nothing that was tried predicts y better than the mean of the target" in numbers["answer"]
    x, _, seen = of_test(path, numbers)
    model = kb.KANRegressor.load(tmp_path / "out/model.kanbench")
    np.testing.assert_allclose(model.predict(x), seen.mean(), rtol=1e-12)


def test_classes_keep_their_names(tmp_path):
    kinds = np.where(A**2 + B**2 + 0.05 * NOISE > 0.6, "far", "near")
    path = csv(tmp_path, kind=kinds)
    numbers = advise(path, tmp_path / "out", "data.target=kind", "budget.targets=[40]")
    x, labels, _ = of_test(path, numbers)
    model = kb.KANClassifier.load(tmp_path / "out/model.kanbench")
    assert model.classes_.tolist() == ["far", "near"]
    assert numbers["recommended"]["accuracy"] == pytest.approx((model.predict(x) == labels).mean())
    probability = model.predict_proba(x)[np.arange(len(x)), (labels == "near").astype(int)]
    assert numbers["recommended"]["cross_entropy"] == pytest.approx(-np.log(probability).mean(), rel=1e-6)


@pytest.mark.slow
def test_several_targets_have_one_model_from_python(tmp_path):
    frame = pd.DataFrame({"a": A, "b": B, "u": np.sin(3.0 * A), "v": 100.0 * A * B})
    optimizer = LevenbergMarquardt(steps=30)
    options = {"budgets": [40], "seeds": 1, "optimizer": optimizer, "workers": 1, "progress": False}
    advice = kb.advise(frame, ["u", "v"], 1.0, tmp_path, **options)
    test = advice.numbers["test_rows"]
    predictions = kb.KANRegressor.load(advice.model).predict(frame[["a", "b"]])
    seen = np.setdiff1d(np.arange(200), test)
    for j, name in enumerate(["u", "v"]):
        y = frame[name].to_numpy()
        error = np.linalg.norm((predictions[:, j] - y)[test]) / np.linalg.norm((y - y[seen].mean())[test])
        assert advice.numbers["recommended"][f"rel_l2_{name}"] == pytest.approx(error, rel=0.05)
    assert str(advice) == advice.answer


def test_the_time_is_kept_and_the_rest_is_trained_later(smooth, tmp_path, monkeypatch, capsys):
    path, _, numbers = smooth
    train = advising.train_alone

    def never_ends(job, console):
        while True:
            pass

    monkeypatch.setattr(advising, "train_alone", never_ends)
    first = advise(path, tmp_path, "data.target=y", minutes="0.03")
    assert first["seconds"] < 1.8 + 8.0  # on a machine that others use
    assert first["tried"] == []
    assert "No network was trained to the end" in first["answer"]
    assert "the same command with more minutes goes on" in capsys.readouterr().out
    monkeypatch.setattr(advising, "train_alone", train)
    assert advise(path, tmp_path, "data.target=y")["answer"] == numbers["answer"]


def test_a_family_that_the_time_left_out_is_said(tmp_path, monkeypatch):
    path, train = csv(tmp_path, y=np.exp(np.sin(3.0 * A) + B**2)), advising.train_alone

    def only_mlps(job, console):
        train(replace(job, cells=tuple(cell for cell in job.cells if isinstance(cell.method, MLPMethod))), console)

    monkeypatch.setattr(advising, "train_alone", only_mlps)
    answer = advise(path, tmp_path / "out", "data.target=y")["answer"]
    assert answer.startswith("Use an MLP tanh")
    assert "No KAN was trained to the end in this time, so nothing is said of KANs." in answer


@pytest.mark.slow
def test_a_training_that_is_stopped_goes_on_to_the_same_numbers(smooth, tmp_path, monkeypatch):
    path, _, _ = smooth
    words = ["data.target=y", "optimizer.steps=300", "optimizer.least_gain=0", "search.first_steps=0"]
    with monkeypatch.context() as patch:
        patch.setattr(advising._Trying, "_left", lambda self, trials: 0.4)
        assert len(advise(path, tmp_path / "a", *words)["tried"]) < 2
    assert list((tmp_path / "a/cells").glob("*.training"))
    whole, again = (advise(path, tmp_path / each, *words)["tried"] for each in "ba")
    assert again == whole


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data.path=PATH"], "data.target: must name the column to predict"),
        (["data.target=y"], "data.path: must name a .csv or .parquet file"),
        (["data.path=PATH", "data.target=z"], "unknown column of table.csv 'z'"),
        (["data.path=PATH", "data.target=y", "--minutes", "0"], "--minutes must be a positive number up to 100,000"),
        (["data.path=PATH", "data.target=y", "--minutes", "soon"], "invalid float value: 'soon'"),
        (["data.path=SHORT", "data.target=y"], "8 test rows of 40 rows cannot tell two models apart"),
        (["data=feynman"], "it works with data=table; leave the word out"),
        (["data.path=PATH", "data.target=y", "basis=taylor"], "basis=taylor: it takes --minutes, --out and words of"),
        (["data.path=PATH", "data.target=y", "optimizer=lm", "data.kind=classification"], "choose adam or lbfgs"),
    ],
)
def test_bad_words_are_one_sentence_and_nothing_is_written(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    csv(tmp_path, y=NOISE)
    pd.read_csv("table.csv").head(40).to_csv("short.csv", index=False)
    words = [word.replace("PATH", "table.csv").replace("SHORT", "short.csv") for word in words]
    assert run(["advise", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["short.csv", "table.csv"]


def test_the_folder_has_the_names_of_the_table_and_the_target(tmp_path):
    task = read_table(csv(tmp_path, name="my table", y=NOISE), "y")
    assert folder_of(task) == Path("results/runs/advise/my_table-y")
