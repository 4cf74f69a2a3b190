"""A run that searches shapes: one command, one call, shards, the plan, the tables, and its checks."""

from itertools import pairwise

import pytest
import torch
from hydra import compose, initialize_config_dir

import kanbench as kb
from kanbench.analysis import load_records
from kanbench.analysis.spreadsheet import write_csv
from kanbench.cells import Search
from kanbench.cli.main import run_command
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.errors import ConfigError
from kanbench.report.result import Result
from kanbench.run.dry_run import forecast, lines
from kanbench.run.job import grouped, job_of
from kanbench.run.running import run
from kanbench.training import LevenbergMarquardt

WORDS = [
    *("name=x", "search=shapes", "search.first_seeds=1", "search.first_steps=4", "search.trials=6", "basis=taylor"),
    *("data.tasks=[I.6.2,I.12.11]", "budget.targets=[15,60]", "seeds=2", "data.train=40", "data.validation=30"),
    *("data.test=40", "optimizer.steps=12", "optimizer.window=10", "trainer.workers=1"),
]
TINY = {"train": 40, "validation": 30, "test": 40, "workers": 1, "progress": False}  # options of a call
MEASURED = ["seconds", "peak_memory_bytes", "experiment"]


def config_of(folder, *words):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return read_config(compose("config", [*WORDS, f"results={folder}", *words]))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder of a run on two tasks at two budgets, of which the search leaves the smaller one out."""
    folder = tmp_path_factory.mktemp("searched")
    assert run(config_of(folder), ["kanbench"], folder / "x/jobs/1") == 0
    return folder / "x"


def test_records_are_complete_and_tables_have_one_line_for_each_search(searched):
    records = load_records(searched)
    at_sixty = records[records.budget == 60]
    assert at_sixty.groupby(["task", "searched"]).cell.nunique().tolist() == [6] * 4
    assert (at_sixty.stopped == "outranked").groupby(at_sixty.cell).all().sum() == 16
    left_out = records[records.budget == 15]
    assert set(left_out.status) == {"skipped"}
    assert set(left_out.method) == {"KAN Taylor", "MLP tanh"}
    result = Result(records, baseline="MLP tanh")
    assert result.methods == ["KAN Taylor", "MLP tanh"]
    assert result.left_out == {15: 2}
    assert len(result.records) == len(records)
    assert result.shapes.trials.tolist() == [6] * 4
    assert result.scores[60].errors.shape == (2, 2, 2)
    assert result.plot("shapes").axes[0].get_title(loc="left") == "60 parameters"
    assert not list(searched.glob("cells/*.training"))


def test_tables_say_what_was_chosen_and_left_out(searched, tmp_path):
    Result(load_records(searched), title="T", baseline="MLP tanh").tables(tmp_path / "tables")
    page = (tmp_path / "tables/tables.md").read_text()
    assert "The search left out 2 tasks at 15 parameters" in page
    assert page.count("The search left out") == len(list((tmp_path / "tables").glob("*.md"))) - 1
    assert "| KAN Taylor | I.12.11 | 60 | 2-" in page
    assert (tmp_path / "tables/shapes.png").exists()


def test_a_table_of_all_shapes_comes_back_as_it_was(searched, tmp_path):
    records = load_records(searched)
    write_csv(records, tmp_path / "records.csv")
    again = Result(load_records(tmp_path / "records.csv"), baseline="MLP tanh")
    assert again.shapes.to_dict() == Result(records, baseline="MLP tanh").shapes.to_dict()


def test_validate_finds_no_fault_in_a_search(searched, capsys):
    assert run_command("validate", str(searched), "--again", "2") == 0, capsys.readouterr().out


@pytest.mark.slow
def test_the_same_words_again_train_nothing_and_a_missing_shape_trains_its_search(searched, tmp_path, capsys):
    config = config_of(searched.parent)
    run(config, ["kanbench"], searched / "jobs/2")
    assert "28 cells: 0 trained, 28 reused" in capsys.readouterr().out
    before = load_records(searched).drop(columns=MEASURED)
    next(iter(searched.glob("cells/*.json"))).unlink()
    planned = "\n".join(lines(forecast(job_of(config, ["kanbench"], searched / "jobs/3"), measure=lambda *_: 1.0)))
    assert "KAN Taylor" in planned
    assert "intervals" not in planned
    run(config, ["kanbench"], searched / "jobs/3")
    assert (load_records(searched).drop(columns=MEASURED).val_rel_l2 - before.val_rel_l2).abs().max() < 1e-12


def test_shards_hold_whole_searches(tmp_path):
    jobs = [job_of(config_of(tmp_path, f"shard={i}/3"), ["kanbench"], tmp_path / "job") for i in (1, 2, 3)]
    every = [cell.key for job in jobs for cell in job.mine]
    assert sorted(every) == sorted(cell.key for cell in jobs[0].cells)
    for job in jobs:
        assert all(len(group) == 6 for group in grouped(job.mine) if group[0].search.number)


@pytest.mark.slow
def test_a_call_makes_the_cells_of_the_command(searched, tmp_path):
    result = kb.compare(
        [kb.KANMethod(basis=kb.bases.Taylor()), kb.MLPMethod()],
        ["I.6.2", "I.12.11"],
        (15, 60),
        2,
        tmp_path / "x",
        search=Search(trials=6, first_seeds=1, first_steps=4),
        optimizer=LevenbergMarquardt(steps=12, window=10),
        **TINY,
    )
    assert result.baseline == "MLP tanh"
    assert set(result.records.cell) == set(load_records(searched).cell)


class Net(torch.nn.Sequential):
    def __init__(self, widths, scale=1.0):
        layers = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
        super().__init__(*[each for layer in layers for each in (layer, torch.nn.Tanh())][:-1])
        for layer in layers:
            torch.nn.init.normal_(layer.weight, std=scale / 2)


@pytest.mark.slow
def test_own_models_take_part(tmp_path):
    own = kb.OwnMethod("net", Net, shapes=[{"scale": scale} for scale in (0.5, 1.0, 2.0)], key="1")
    result = kb.compare(
        [own, kb.MLPMethod()],
        ["I.6.2"],
        60,
        1,
        tmp_path / "x",
        search=Search(trials=6, first_seeds=1, first_steps=2),
        optimizer=LevenbergMarquardt(steps=4, window=10),
        **TINY,
    )
    assert result.shapes.trials.tolist() == [6, 6]
    with pytest.raises(ValueError, match=r"net .* has [34] shapes within 5 % of them, and 6 are needed"):
        kb.compare([kb.OwnMethod("net", Net, key="1")], ["I.6.2"], 60, 3, tmp_path / "y", search="shapes")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("search.trials=0", "search.trials must be from 1 to 1,000, got 0"),
        ("search.first_seeds=3", "search.first_seeds: must be at most the number of seeds, 2, got 3"),
        ("search.least=7", "search.least must be from 1 to trials = 6, got 7"),
        ("+search.rungs=3", "search: unknown key 'rungs'"),
        ("search.name=shape", "search.name: unknown name 'shape'; did you mean shapes"),
        ("model.stages=[3,5]", "model.stages must be empty in a search of shapes"),
        ("budget.targets=[12]", "search: the search leaves the task out at 12 parameters"),
        ("model@baseline=kan baseline.depth=1", "search: two of the methods are KAN Taylor of any depth and size"),
    ],
)
def test_a_search_that_cannot_be_is_one_sentence(tmp_path, word, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config_of(tmp_path, *word.split())


@pytest.mark.parametrize(("seeds", "first"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_a_search_begins_with_three_seeds_or_with_all_where_there_are_fewer(tmp_path, seeds, first):
    config = config_of(tmp_path, "search.first_seeds=auto", f"seeds={seeds}")
    assert config.search.first_seeds == first
    trained = [cell.search for cell in config.cells() if cell.search and cell.search.number]
    assert {search.first_seeds for search in trained} == {first}


def test_a_search_from_python_takes_a_single_seed_and_is_refused_for_its_budget_alone(tmp_path):
    with pytest.raises(ValueError, match="leaves the task out at 12 parameters"):
        kb.compare([kb.KANMethod(), kb.MLPMethod()], ["I.6.2"], 12, 1, tmp_path / "x", search="shapes")


def test_a_run_without_a_search_has_no_settings_of_one(tmp_path):
    with (
        initialize_config_dir(str(CONF), version_base="1.3"),
        pytest.raises(ConfigError, match=r"search.trials: search=none has no trials; search=shapes has one"),
    ):
        read_config(compose("config", ["+search.trials=5", f"results={tmp_path}"]))
