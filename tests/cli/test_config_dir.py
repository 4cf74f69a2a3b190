"""Config files of the user's own, below --config-dir: runs, `help`, `list` and completion see them."""

import io
import os
from contextlib import redirect_stdout

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra

from kanbench.cli.command import perform
from kanbench.cli.completion import complete
from kanbench.cli.main import answer
from kanbench.cli.words import Words, of_job
from kanbench.config.read import read_config
from kanbench.errors import UsageError
from kanbench.store.plan import join

SUITE = "title: Mine\nsource: me\ntasks:\n  - {name: line, formula: 2*x, variables: {x: [0, 1]}}\n"
EXPERIMENT = """# @package _global_
# What I ask.
defaults:
  - override /data: lines
  - override /basis: fine
  - override /model@baseline: kan
  - override /basis@baseline.basis: chebyshev
name: own
seeds: 2
budget: {targets: [60]}
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    for name in ("experiment", "basis", "data", "system"):
        (tmp_path / "my configs" / name).mkdir(parents=True)
    folder = tmp_path / "my configs"
    (folder / "experiment" / "own.yaml").write_text(EXPERIMENT)
    (folder / "basis" / "fine.yaml").write_text("# Fine splines.\nname: bspline\nintervals: 4\n")
    (folder / "data" / "lines.yaml").write_text("name: lines\nsuite: lines.yaml\ntrain: 50\nvalidation: 50\ntest: 50\n")
    (tmp_path / "lines.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize("flag", [["--config-dir", "my configs"], ["--config-dir=my configs"], ["-cd", "my configs"]])
def test_an_experiment_of_ones_own_chooses_a_basis_a_suite_and_a_baseline_of_ones_own(mine, flag):
    words = Words.parse([*flag, "experiment=own"])
    with words.composing():
        config = read_config(hydra.compose(words.name, list(words.overrides)))
    assert [method.label for method in config.methods] == ["KAN BSpline intervals=4", "KAN Chebyshev"]
    assert [task.name for task in config.tasks] == ["line"]


def test_help_shows_the_options_of_ones_own_beside_ours(mine, capsys):
    assert perform("help", "bases", "--config-dir", "my configs") == 0
    said = capsys.readouterr().out
    assert "  basis=fine\n      Fine splines.\n      intervals=4\n" in said
    assert "  basis=fourier\n" in said
    assert perform("help", "experiments", "--config-dir=my configs") == 0
    assert "  experiment=own\n      What I ask.\n" in capsys.readouterr().out
    assert perform("help", "suites", "--config-dir=my configs") == 0
    assert "  data=lines\n      Mine: 1 task\n" in capsys.readouterr().out


def test_list_shows_suites_and_systems_of_ones_own(mine, capsys):
    (mine / "system" / "coin.yaml").write_text("# Tosses of a coin.\nname: coin\n")
    assert perform("list", "--config-dir=my configs") == 0
    said = capsys.readouterr().out
    assert f"{'lines':14s} {'1 task':>10s}  Mine\n" in said
    assert f"{'coin':20s} Tosses of a coin.\n" in said
    assert perform("list", "lines", "--config-dir", "my configs") == 0
    assert capsys.readouterr().out == "line\n    2*x\n    x in [0, 1]\n"


@pytest.mark.parametrize("command", ["help", "list"])
def test_a_folder_that_is_not_there_is_one_sentence(command):
    with pytest.raises(UsageError, match=r"^--config-dir: nope is no folder$"):
        perform(command, "--config-dir", "nope")


@pytest.mark.parametrize("name", ["basis/bspline.yaml", "experiment/smoke.yaml", "config.yaml"])
def test_a_file_with_the_name_of_one_of_ours_is_refused_because_ours_would_be_used(mine, name):
    (mine / name).write_text("name: bspline\nintervals: 9\n")
    said = f"^--config-dir: my configs/{name} has the name of one of ours; give it another$"
    with pytest.raises(UsageError, match=said):
        Words.parse(["--config-dir", "my configs", "basis=bspline"])
    with pytest.raises(UsageError, match=said):
        perform("help", "bases", "--config-dir", "my configs")


def test_a_file_that_is_not_yaml_is_named_with_its_line(mine, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["kanbench"])
    (mine / "experiment" / "torn.yaml").write_text("name: torn\nseeds: [\n")
    words = ["--config-dir=my configs", "experiment=torn"]
    assert answer(words) == 2
    said = f"{mine}/experiment/torn.yaml: is not YAML (expected the node content, but found '<stream end>' in line 3)"
    assert capsys.readouterr().err == f"kanbench: {said}\n"
    assert answer(["check", *words, "basis=bspline"]) == 2
    assert capsys.readouterr().err == f"kanbench: {said}\n"
    GlobalHydra.instance().clear()


@pytest.mark.parametrize("flag", ["--config-dir", "--config-dir="])
def test_completion_offers_the_options_of_ones_own(mine, flag, monkeypatch):
    mine.rename("mine")
    line = f"kanbench run {flag}{'' if flag.endswith('=') else ' '}mine basis=fi"
    monkeypatch.setattr(os, "environ", os.environ | {"COMP_LINE": line})
    monkeypatch.setattr("sys.argv", ["kanbench"])
    heard = io.StringIO()
    with redirect_stdout(heard):
        complete(["-sc", "query=bash"])
    GlobalHydra.instance().clear()
    assert heard.getvalue().split() == ["basis=fine"]


def again(*words):
    """The line that a run prints for who wants it again, and the words of the job."""
    given = Words.parse(list(words))
    with given.composing():
        node = hydra.compose(given.name, list(given.overrides), return_hydra_config=True)
    node.hydra.runtime.output_dir = "."
    return of_job(node.hydra), given


@pytest.mark.parametrize(
    "words",
    [
        ["data=table", "data.path=größe.csv", "data.target=Größe", "data.inputs=[é,b]"],
        ["data=formula", "data.formula=jv(1, x)*y", "data.variables={x: [-1, 1], y: [0, 2]}"],
        ["baseline=kan", "baseline.basis=chebyshev", "baseline.basis.degree=5", "baseline.aggregation=mean"],
        ["results=it's here"],
        ["results=a'b\\"],
        ["results='a,b'"],
        ["baseline=none"],
    ],
)
def test_the_line_for_again_repeats_what_was_typed_and_means_the_same(mine, words):
    said, given = again("--config-dir=my configs", *words)
    assert said[0] == f"--config-dir={mine}"
    assert Words.parse(said).overrides == given.overrides
    assert [word.replace("'", "") for word in said[1:]] == [word.replace("'", "") for word in words]


def test_accents_need_no_quotes_in_a_shell():
    assert join(["data.path=größe.csv", "results=a b", "basis.low=-1.0", "x=[a]"]) == (
        "data.path=größe.csv 'results=a b' basis.low=-1.0 'x=[a]'"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "basis=glob(nope*)",
            "basis=glob(nope*,exclude=own): no option of basis has such a name (options: bernstein, ",
        ),
        ("basis=glob(*,exclude=*)", "basis=glob(*,exclude=*): no option of basis has such a name"),
        (
            "baseline.basis=glob(nope*)",
            "basis@baseline.basis=glob(nope*,exclude=own): no option of basis has such a name",
        ),
        ("seeds=range(3,3)", "seeds=range(3,3): holds no value, so nothing would run"),
    ],
)
def test_a_sweep_over_nothing_is_refused(word, said):
    with pytest.raises(UsageError) as error:
        Words.parse(["-m", "experiment=smoke", word])
    assert str(error.value).startswith(said)
    assert Words.parse(["-m", "basis=glob(b*)", "seeds=range(1,3)"]).overrides == (
        *("basis=glob(b*,exclude=own)", "seeds=range(1,3)"),
    )
