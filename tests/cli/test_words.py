"""What people type reaches Hydra as they meant it, or is answered by one sentence."""

import shlex
from pathlib import Path

import hydra
import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from kanbench.cli.output import sentence
from kanbench.cli.words import Words, of_job
from kanbench.config.read import read_config
from kanbench.errors import ConfigError, UsageError


def read(*words):
    """The config of the first run that the words make."""
    given = Words.parse(list(words))
    with given.composing():
        return read_config(hydra.compose(given.name, list(given.overrides)), elsewhere=True)


def answer(*words):
    """The sentence for words that cannot be run."""
    with pytest.raises((UsageError, ConfigError, HydraException, OmegaConfBaseException)) as error:
        read(*words)
    return sentence(str(error.value))


def composed(*words):
    given = Words.parse(list(words))
    with given.composing():
        return hydra.compose(given.name, list(given.overrides))


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("results=josé/runs", "results", "josé/runs"),
        ("results=結果", "results", "結果"),
        ("results=out folder", "results", "out folder"),
        ("results='out folder'", "results", "out folder"),
        ("results=it's/here", "results", "it's/here"),
        ("results=a'b=c", "results", "a'b=c"),
        ("results=a=b\\", "results", "a=b\\"),
        ("results=(1)", "results", "(1)"),
        ("results=~/runs", "results", str(Path.home() / "runs")),
        ("data.suite=größe", "data.suite", "größe"),
        ("data.tasks=[größe,I.6.2]", "data.tasks", ["größe", "I.6.2"]),
        ("data.tasks=[a=b]", "data.tasks", ["a=b"]),
        ("logger.project=a=b", "logger.project", "a=b"),
        ("seeds=3", "seeds", 3),
        ("name=${basis.name}", "name", "bspline"),
        ("+experiment=smoke", "name", "smoke"),
        ("+basis=rbf", "basis.name", "rbf"),
        ("baseline=none", "baseline.name", "none"),
        ("+baseline=none", "baseline.name", "none"),
    ],
)
def test_a_value_is_quoted_for_the_user_where_hydra_could_not_read_it(word, key, value):
    node = composed(word)
    for each in key.split("."):
        node = node[each]
    assert node == value


def test_a_table_may_have_any_name():
    node = composed("data=table", "data.path=a=b(1).csv", "data.target=Größe", "data.inputs=[é,b]").data
    assert (node.path, node.target, node.inputs) == ("a=b(1).csv", "Größe", ["é", "b"])
    assert composed("data=table", "data.path=~/x.csv").data.path == str(Path.home() / "x.csv")


@pytest.mark.parametrize(
    "words", ["experiment=smoke -m seeds=1,2", "-m experiment=smoke seeds=1,2", "experiment=smoke seeds=1,2 --multirun"]
)
def test_a_flag_may_stand_anywhere(words):
    first, *rest = Words.parse(words.split())
    assert first in ("-m", "--multirun")
    assert rest == ["experiment=smoke", "seeds=1,2"]


def test_the_value_of_a_flag_stays_with_it():
    words = Words.parse(["seeds=1", "--cfg", "job", "-cn", "mine", "basis=rbf"])
    assert list(words) == ["--cfg", "job", "-cn", "mine", "seeds=1", "basis=rbf"]
    assert words.name == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("experiment=null", "experiment=null: leave the word out; without it there is no experiment"),
        ("+experiment=nope", "+experiment=nope: unknown option 'nope'; did you mean noise or pde or smoke?"),
        ("++basis=nope", "++basis=nope: unknown option 'nope'; did you mean sine"),
        ("~basis", "~basis: every run needs a value of basis; without the word it has its default"),
        ("~seeds=5", "~seeds=5: every run needs a value of seeds; without the word it has its default"),
        ("~model@baseline", "~model@baseline: every run needs a value of baseline"),
        ("~data.name", "data.name: must say which data is meant; data=... on the command line chooses"),
        ("~nope", "Could not delete from config. 'nope' does not exist."),
        ("basis.name=rbf", "basis.name=rbf: basis=... chooses the option, of which basis.name is a part"),
        ("--experiment=feynman", "--experiment=feynman: the words of a run have no dashes before them, as in"),
        ("-seeds=3", "-seeds=3: the words of a run have no dashes before them, as in experiment=smoke"),
        ("--experimental-rerun=x", "--experimental-rerun: the words of a run have no dashes before them"),
        ("--cfg=nope", "argument --cfg/-c: invalid choice: 'nope' (choose from "),
        ("--config-dir=/nonexistent", "--config-dir: /nonexistent is no folder"),
        ("--config-name=nope", "Cannot find primary config 'nope'. Check that it's in your config search path."),
        ("seeds=1,2", "seeds=1,2: seeds is how many there are; seeds=2 first_seed=1 trains the seeds 1, 2"),
        (
            "-m seeds=[3,7]",
            "seeds=[3,7]: seeds is how many there are; seeds=N trains N seeds in a row, from first_seed",
        ),
        ("vary=all,data", "vary=all,data: several values are a sweep: add --multirun; or quote a value that holds a"),
        ("--resolve", "--resolve: fills in the values of a config that is printed; add --cfg job"),
        ("--package=basis seeds=1", "--package: chooses a part of a config that is printed; add --cfg job"),
        ("'seeds=range(1,'", "seeds: expected an integer, got 'range(1,'"),
        ("seeds==3", "seeds: expected an integer, got '=3'"),
        ("''", "'' is not of the form key=value"),
        ("=3", "unknown key ''"),
        ("results=", "results=: must name a folder; without the word it is results/runs"),
        ("'results=\"\"'", 'results="": must name a folder; without the word it is results/runs'),
        ("'results=${oc.env:NOTHING,\"\"}'", "results: must name a folder, got ''"),
        ("hydra..x=3", "hydra..x=3: cannot be read as key=value"),
        ("results='${nope}'", "Interpolation key 'nope' not found"),
        ("hydra/launcher=nope", "In 'hydra/config': Could not find 'hydra/launcher/nope' Available options in"),
    ],
)
def test_what_cannot_run_is_answered_by_one_sentence(words, said):
    assert answer(*shlex.split(words)).startswith(said)


def test_a_sweep_over_numbers_of_seeds_is_said_with_the_words_that_were_meant():
    assert Words.parse(["-m", "experiment=smoke", "seeds=1,2"]).remark == (
        "seeds=1,2 is a sweep over the number of seeds: runs of 1 and 2 seeds, with tables of their own; "
        "seeds=2 first_seed=1 trains the seeds 1, 2"
    )
    assert Words.parse(["-m", "seeds=3", "basis=rbf,taylor"]).remark == ""


@pytest.mark.parametrize("words", ["--cfg job --resolve", "--cfg=job --package=basis seeds=1"])
def test_flags_that_shape_a_printed_config_pass_where_one_is_printed(words):
    assert list(Words.parse(words.split()))


@pytest.fixture
def mine(tmp_path):
    """A folder of configs of one's own."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\nname: own\nseeds: 1\n")
    (tmp_path / "basis").mkdir()
    (tmp_path / "basis" / "fine.yaml").write_text("name: bspline\nintervals: 40\n")
    (tmp_path / "other.yaml").write_text("defaults: [config, _self_]\nname: other\n")
    (tmp_path / "bare.yaml").write_text("name: bare\nresults: r\nseeds: 1\nfirst_seed: 0\n")
    return tmp_path


def test_configs_of_ones_own_are_found_beside_ours(mine):
    config = read(f"--config-dir={mine}", "experiment=own", "basis=fine", "budget.targets=[500]")
    assert (config.name, len(config.seeds)) == ("own", 1)
    assert config.methods[0].label == "KAN BSpline intervals=40"
    assert read(f"--config-dir={mine}", "--config-name=other").name == "other"
    assert "did you mean" in answer(f"--config-dir={mine}", "experiment=onw")
    assert answer(f"--config-dir={mine}", "--config-name=bare").startswith("basis.name: must say which basis is meant")


@pytest.mark.parametrize("name", ["config", "other"])
def test_the_command_of_a_job_reads_the_configs_that_it_read(mine, name):
    words = Words.parse([f"--config-dir={mine}", f"--config-name={name}", "experiment=own", "results=é"])
    with words.composing():
        node = hydra.compose(words.name, list(words.overrides), return_hydra_config=True)
    node.hydra.runtime.output_dir = "."
    again = of_job(node.hydra)
    given = ["experiment=own", "results=é"]
    assert again == [*[f"--config-name={name}"] * (name == "other"), f"--config-dir={mine}", *given]
    assert read(*again) == read(*words)
    assert HydraConfig.instance().cfg is None
