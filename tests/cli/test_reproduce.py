"""Published studies: their files agree with each other, and a slice of them comes out again."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from kanbench.analysis.agreement import agreement
from kanbench.analysis.baselines import missing_baselines
from kanbench.analysis.load import COLUMNS, load_records
from kanbench.analysis.scores import Primary
from kanbench.cells import Cell, Precision, run_cell
from kanbench.cli import reproduce as study
from kanbench.cli.checkouts import places
from kanbench.cli.command import perform
from kanbench.cli.main import run_command
from kanbench.cli.reproduce import read_study, study_files
from kanbench.cli.words import Words
from kanbench.data import SplitSizes, load_suite
from kanbench.errors import UsageError
from kanbench.methods import KANMethod, MLPMethod
from kanbench.training import LevenbergMarquardt

MEMBERS_OF_A_TABLE = pd.DataFrame(
    dict.fromkeys(COLUMNS, np.nan)
    | {
        "suite": "s", "task": "t", "method": "KAN Taylor", "family": "KAN Taylor", "budget": 50, "params": 51,
        "same_as": "", "basis": "", "seed": s, "depth": 1, "cell": "k", "score": 0.1, "status": "ok",
        "protocol": "p", "val_rel_l2": 0.1, "missed": False,
    }
    for s in (0, 1)
)  # fmt: skip
FEYNMAN = Path(__file__).parents[2] / "results/feynman"
STUDIES = {name: read_study(path) for name, path in study_files().items()}


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_every_run_is_one_that_the_command_line_takes(study, tmp_path):
    for command in study.commands(tmp_path, ["seeds=1"]):
        Words.parse(command)
        assert f"name={study.name}" in command
        assert command[-1] == "seeds=1"


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_published_records_hold_every_seed_of_every_cell_once(study):
    records = study.records
    assert study.baseline in {*records.method, *records.get("searched", ())}
    cell = ["suite", "task", "method", "protocol", "budget", "seed", "lr", *records.columns.intersection(["unknowns"])]
    assert not records.duplicated(cell).any()
    # The first rung of a search has fewer seeds.
    finished = records[records.stopped != "outranked"] if "stopped" in records else records
    seeds = finished.groupby(["protocol", "cell"]).seed.nunique().groupby("protocol")
    assert (seeds.min() == seeds.max()).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", [MLPMethod(), KANMethod()], ids=lambda method: method.label)
def test_a_slice_of_the_published_table_comes_out_again(method):
    """To 10 %: another processor rounds otherwise, and hundreds of steps carry that on."""
    task, budget = load_suite("feynman").task("II.6.15a"), 100
    cell = Cell(
        "slice", "feynman", task, method, budget, (0, 1, 2, 3, 4), LevenbergMarquardt(), SplitSizes(), Precision.double
    )
    records = load_records(FEYNMAN)
    published = records.query("task == @task.name and method == @method.label and budget == @budget")
    errors = [member["test_rel_l2"] for member in run_cell(cell).members]
    assert list(published.sort_values("seed").seed) == list(cell.seeds)
    np.testing.assert_allclose(np.median(errors), published.test_rel_l2.median(), rtol=0.1)
    assert published.params.unique() == [cell.sizing.params]


def test_agreement_compares_the_same_members_only():
    table = {"suite": "s", "method": "m", "optimizer": "o", "budget": 50, "lr": np.nan, "n_train": 10, "task": "t"}
    published = pd.DataFrame([table | {"seed": seed, "score": 0.5} for seed in (0, 1, 2)])
    ours = pd.DataFrame([table | {"seed": seed, "score": score} for seed, score in ((1, 0.5), (2, 1.0), (3, 9.0))])
    found = agreement(ours, published)
    assert (found.members, found.ratio, found.within) == (2, 1.5, 0.5)
    assert "none" in str(agreement(ours[ours.seed == 3], published))


def test_agreement_takes_no_member_of_other_settings_for_the_same():
    member = {"suite": "s", "method": "m", "task": "t", "seed": 0, "score": 0.5, "settings": "steps=80"}
    published = pd.DataFrame([member])
    assert agreement(published, published).members == 1
    assert agreement(published.assign(settings="steps=10"), published).members == 0


MEMBER = {"suite": "s", "method": "KAN Taylor", "budget": 50, "lr": np.nan, "status": "ok", "results_version": 3}


def trained(scores, **changes):
    """Members of the seeds 0, 1, .. with these errors on test; those on validation are twice as large."""
    rows = [
        MEMBER | {"task": "t", "seed": seed, "score": score, "test_rel_l2": score, "val_rel_l2": 2 * score}
        for seed, score in enumerate(scores)
    ]
    return pd.DataFrame(rows).assign(**changes)


def test_every_member_is_compared_and_the_furthest_is_named_on_any_split():
    ours = trained([0.1, 0.2, 0.3, 0.4])
    ours.loc[2, "val_rel_l2"] *= 1.0 + 1e-9  # the medians and the test errors are equal to the last digit
    found = agreement(ours, trained([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert (found.members, found.published, found.ratio, found.within) == (4, 5, 1.0, 1.0)
    assert found.largest == pytest.approx(1e-9, rel=1e-3)
    assert (
        "3 are equal to the last bit, and the largest difference is that of KAN Taylor on t at 50, seed 2 "
        "(val_rel_l2 0.6 and 0.6, 1e-07 % apart)" in (said := str(found))
    )
    assert said.endswith("; 1 of the published ones is not among them")
    ours.loc[3, "status"] = "diverged"
    assert "seed 3 (status diverged and ok)" in str(agreement(ours, trained([0.1, 0.2, 0.3, 0.4])))
    same = agreement(trained([0.1, 0.0]), trained([0.1, 0.0]))
    assert (same.cells, same.near) == (1, 1)
    assert (same.largest, same.within) == (0.0, 1.0)
    assert "no error differs at all" in str(same)


def test_a_measure_that_older_records_do_not_have_hides_no_difference_of_the_others():
    """A test error that one training has and the other does not is a difference: the search chose another shape."""
    ours = trained([0.1, 0.2, 0.3], train_rel_l2=0.1, train_rel_median=0.05, val_rel_median=0.1, test_rel_median=0.1)
    published = ours.assign(train_rel_median=np.nan, val_rel_median=np.nan, test_rel_median=np.nan)
    published.loc[1, "val_rel_l2"] *= 1.5
    published.loc[2, "test_rel_l2"] = np.nan
    found = agreement(ours, published)
    assert (found.members, found.equal, found.largest) == (3, 1, 1.0)
    assert "seed 2 (test_rel_l2 0.3 and nan" in found.furthest
    assert agreement(ours[:2], published[:2]).largest == pytest.approx(1 / 3)


def test_medians_of_cells_agree_to_five_percent_whatever_a_single_member_does():
    published = pd.concat([trained([0.1, 0.2, 0.9]), trained([0.1, 0.2, 0.3], task="u")])
    ours = pd.concat([trained([0.1, 0.2099, 0.4]), trained([0.1, 0.2101, 0.3], task="u")])
    found = agreement(ours, published)
    assert (found.cells, found.near) == (2, 1)
    assert "the medians over seeds of 1 of 2 cells are within 5 % of the published" in str(found)


def test_shapes_that_no_search_chose_are_compared_without_a_word_of_test_errors():
    """They have errors on training and validation only."""
    published = trained([np.nan] * 2, val_rel_l2=0.3)
    ours = trained([np.nan] * 2, val_rel_l2=0.3)
    ours.loc[1, "val_rel_l2"] = 0.6
    assert str(agreement(ours, published)) == (
        "2 members are in the published table as well, and compared one by one: 1 is equal to the last bit, and the "
        "largest difference is that of KAN Taylor on t at 50, seed 1 (val_rel_l2 0.6 and 0.3, 50 % apart); none has an "
        "error on test in both tables, because only the shapes that a search chose have one"
    )


@pytest.mark.parametrize(
    ("version", "name"), [({"results_version": 2}, "version 2"), ({}, "a version before they were counted")]
)
def test_members_of_another_version_are_named_with_what_to_do_and_not_compared(version, name):
    published = trained([0.1, 0.2]).drop(columns="results_version").assign(**version)
    found = agreement(trained([0.1, 0.9]), published)
    assert found.members == 0
    assert str(found) == (
        f"2 published members are of {name} of the results and these of version 3: their numbers differ by intention, "
        "and they are not compared; the new tables take the place of the old ones"
    )
    mixed = pd.concat([trained([0.1, 0.2]), trained([0.7], results_version=2)])
    lines = str(agreement(mixed, trained([0.1, 0.2]))).splitlines()
    assert lines[0].startswith("2 members are in the published table as well")
    assert lines[1].startswith("1 member below the results is of version 2 of the results and not of version 3: train")


def test_a_study_that_does_not_exist_is_refused_by_name():
    with pytest.raises(UsageError, match="no study 'nope'; there are"):
        perform("reproduce", "nope")


@pytest.mark.parametrize("word", ["out", "results=", "--out="])
def test_a_place_without_a_folder_is_refused_before_anything_runs(word):
    with pytest.raises(UsageError, match="needs a folder"):
        perform("reproduce", "frontier", word)


def test_a_command_that_cannot_write_is_one_sentence(tmp_path, capsys):
    pytest.importorskip("wandb_workspaces")
    (tmp_path / "file").touch()
    assert run_command("dashboard", "--entity", "me", "--json", str(tmp_path / "file")) == 2
    assert capsys.readouterr().err == f"kanbench: dashboard: {tmp_path / 'file'}: File exists\n"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder of studies in place of the published ones; `write` makes one there."""
    monkeypatch.setattr(study, "RESULTS", tmp_path)

    def write(text, name="mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "study.yaml").write_text(text)

    return write


@pytest.fixture
def clone(tmp_path):
    """A folder of checkouts with one repository, and the hash of its commit."""
    root = tmp_path / "clones/theirs"
    (root / "src").mkdir(parents=True)
    (root / "src/net.py").write_text(
        "import torch\n\n\ndef Net(shape):\n    return torch.nn.Linear(shape[0], shape[-1])\n"
    )
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    commit = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return root, commit


OUTSIDE = """title: Outside
baseline: MLP tanh
checkouts:
  theirs: {{repository: https://example.org/theirs, commit: {commit}, file: src/net.py, license: MIT}}
  nowhere: {{package: no-such-package, version: 1.0, module: nowhere, license: MIT}}
runs:
  - -m basis=taylor
  - -m model=own model.target={{theirs}}:Net
  - "-m model=own model.target={{nowhere}}:Net 'model.kwargs={{a: 1}}'"
"""


def test_checkouts_of_a_study_are_found_at_their_commit_and_what_is_missing_is_named_and_left_out(published, clone):
    root, commit = clone
    published(OUTSIDE.format(commit=commit).replace("version: 1.0", "version: '1.0'"))
    read = read_study(study_files()["mine"])
    found, missing = places(read.outside, root.parent)
    assert found == {"theirs": str(root / "src/net.py")}
    assert missing == {"nowhere": "no-such-package is not installed: pip install no-such-package==1.0"}
    words = [command[:-2] for command in read.commands(Path("r"), [], found)]
    assert words == [["-m", "basis=taylor"], ["-m", "model=own", f"model.target={root}/src/net.py:Net"]]
    (root / "src/net.py").write_text("Net = None\n")
    assert "has changes of its own: M src/net.py" in places(read.outside, root.parent)[1]["theirs"]
    _, missing = places(read.outside, root.parent.parent)
    get = f"git clone https://example.org/theirs {root.parent.parent}/theirs && git -C {root.parent.parent}/theirs"
    assert missing["theirs"] == f"{root.parent.parent}/theirs is not there: {get} checkout {commit}"
    assert "it is looked for in --checkouts DIR, a clone of https" in places(read.outside, None)[1]["theirs"]
    assert len(read.commands(Path("r"), [], {})) == 1


def test_a_checkout_at_another_commit_is_missing(published, clone):
    root, commit = clone
    other = "a" * 40
    published(OUTSIDE.format(commit=other).replace("version: 1.0", "version: '1.0'"))
    _, missing = places(read_study(study_files()["mine"]).outside, root.parent)
    assert missing["theirs"].startswith(f"{root} is at {commit} and not at {other}: git clone")


def test_reproduce_says_what_it_leaves_out_before_it_runs_the_rest(published, clone, monkeypatch, capsys):
    root, commit = clone
    published(OUTSIDE.format(commit=commit).replace("version: 1.0", "version: '1.0'"))
    ran = []
    monkeypatch.setattr(study, "run_all", lambda commands: ran.extend(commands) or 2)
    assert perform("reproduce", "mine", "--checkouts", str(root.parent), "seeds=1") == 2
    assert [command[-1] for command in ran] == ["seeds=1"] * 2
    assert capsys.readouterr().out.startswith("left out  the runs of nowhere: no-such-package is not installed: pip")


def test_a_study_is_planned_without_a_folder_of_records(published, monkeypatch, tmp_path, capsys):
    published(GOOD_STUDY)
    monkeypatch.setattr(study, "run_all", lambda commands: 0)
    assert perform("reproduce", "mine", "--results", str(tmp_path / "none"), "--dry-run") == 0
    assert not (tmp_path / "none").exists()


GOOD_STUDY = "title: Good\nbaseline: MLP tanh\nruns:\n  - experiment=smoke\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a mapping"),
        ("title: [", "is not YAML"),
        ("title: Good\nruns: [a]\n", "has no baseline"),
        ("title: Good\nbaseline: 3\nruns: [a]\n", "baseline must be a text, got 3"),
        ("title: Good\nbaseline: m\nruns: experiment=smoke\n", "runs must be a list"),
        ("title: Good\nbaseline: m\nruns: [{a: b}]\n", r"runs\[0\] must be a text"),
        ("title: Good\nbaseline: m\nruns: ['a=\"b']\n", r"runs\[0\] must be a command \(No closing quotation\)"),
        ("title: Good\ntitle: Better\nbaseline: m\nruns: [a]\n", "'title' appears twice"),
        (
            "title: Good\nbaseline: m\nruns: ['t={x}:N']\n",
            r"runs\[0\] must name one of the checkouts \(none are listed\)",
        ),
        ("title: G\nbaseline: m\nruns: [a]\ncheckouts: {x: {repository: r}}\n", "checkouts.x has no commit"),
        (
            "title: G\nbaseline: m\nruns: [a]\ncheckouts: {x: {repository: r, commit: abc, file: f, license: MIT}}\n",
            "checkouts.x.commit must be the 40 digits of a commit, got 'abc'",
        ),
        ("title: Good\nbaseline: m\nruns: [a]\nrun: b\n", "unknown key 'run'; did you mean runs"),
    ],
)
def test_a_bad_study_file_is_one_sentence_and_hides_no_other(published, tmp_path, capsys, text, sentence):
    published(text)
    published(GOOD_STUDY, "zebra")
    assert run_command("reproduce") == 2
    said = capsys.readouterr()
    assert said.out.split() == ["zebra", "Good"]
    (line,) = said.err.splitlines()
    assert re.match(rf"kanbench: {tmp_path}/mine/study\.yaml: .*{sentence}", line)
    assert run_command("reproduce", "mine") == 2
    assert capsys.readouterr().err == line.replace("kanbench: ", "kanbench: reproduce: ") + "\n"
    assert read_study(study_files()["zebra"]).runs == ("experiment=smoke",)


def test_a_study_in_a_folder_that_no_run_could_have_as_its_name_is_refused(published, capsys):
    published(GOOD_STUDY, "my study")
    assert run_command("reproduce") == 2
    assert "the folder of a study must be letters" in capsys.readouterr().err


def test_a_published_table_without_references_and_deeper_mlps_is_written_with_a_warning(tmp_path, caplog):
    members = pd.concat([MEMBERS_OF_A_TABLE, MEMBERS_OF_A_TABLE.assign(method="MLP tanh", family="MLP", cell="m")])
    members.to_csv(tmp_path / "records.csv", index=False)
    assert perform("tables", str(tmp_path), "--out", str(tmp_path / "out")) == 0
    assert "published" not in caplog.text
    (tmp_path / "study.yaml").touch()
    assert perform("tables", str(tmp_path), "--out", str(tmp_path / "out")) == 0
    assert "lacks constant, linear, cubic ridge, an MLP of depth 2, an MLP of depth 3" in caplog.text


def test_what_a_published_table_lacks():
    deep = [MEMBERS_OF_A_TABLE.assign(method=f"MLP {n}", family="MLP", depth=n) for n in (1, 2, 3)]
    names = ("constant", "linear", "cubic ridge")
    references = [MEMBERS_OF_A_TABLE.assign(method=name, family="reference", budget=pd.NA, depth=0) for name in names]
    assert missing_baselines(pd.concat([*deep, *references])) == []
    assert missing_baselines(pd.concat([*deep[1:], *references[1:]])) == ["constant", "an MLP of depth 1"]
    classes = pd.concat(deep).assign(metric="rel_cross_entropy")
    assert missing_baselines(classes) == ["class prior", "logistic"]


def test_a_study_is_published_with_its_measured_times(published, tmp_path, caplog, capsys):
    published(GOOD_STUDY + "costs: costs.csv\n")
    members = pd.concat([MEMBERS_OF_A_TABLE, MEMBERS_OF_A_TABLE.assign(method="MLP tanh", family="MLP", cell="m")])
    mine = read_study(study_files()["mine"])
    with pytest.raises(UsageError, match=r"costs: .*costs\.csv: not a table of costs"):
        study.publish(mine, members, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    measured = {"method": ["MLP tanh"], "budget": [50], "forward_ms": [0.1], "step_ms": [0.7]}
    pd.DataFrame(measured).to_csv(tmp_path / "mine" / "costs.csv", index=False)
    study.publish(mine, members, tmp_path / "out")
    assert "| MLP tanh | 50 | 51 | 1.00e-1" in (tmp_path / "out" / "costs.md").read_text()
    wide, narrow = (imread(tmp_path / "out" / f"{name}.png").shape for name in ("ratios", "ratios_narrow"))
    assert narrow[1] < 0.75 * wide[1]  # on a phone, where both are equally wide, its text is larger by a third
    assert "this one lacks constant" in caplog.text
    assert "cannot be told apart" in capsys.readouterr().out


def test_the_measured_times_of_a_study_are_a_file_beside_it(published, tmp_path):
    published(GOOD_STUDY + "costs: costs.csv\n")
    assert read_study(study_files()["mine"]).costs == tmp_path / "mine" / "costs.csv"
    published(GOOD_STUDY, "other")
    assert read_study(study_files()["other"]).costs is None


PRIMARY = "primary: {method: KAN RBF, against: MLP tanh, budget: 100}\n"


def test_a_study_declares_its_primary_comparison(published, caplog):
    published(GOOD_STUDY + PRIMARY)
    primary = read_study(study_files()["mine"]).primary
    held = pd.DataFrame({"method": ["KAN RBF", "MLP tanh"], "budget": [100, 100]})
    assert primary.of(held) == Primary("KAN RBF", "MLP tanh", 100)
    assert primary.of(held.assign(budget=200)) is None
    assert "KAN RBF against MLP tanh at 100 parameters, is not among these records" in caplog.text
    searched = held.assign(method="KAN RBF depth=1", searched=["KAN RBF", "MLP tanh"])
    assert primary.of(searched) == Primary("KAN RBF", "MLP tanh", 100)
    published(GOOD_STUDY + PRIMARY.replace("100", "100, train_size: 1000"), "sweep")
    assert read_study(study_files()["sweep"]).primary.of(held).level == {"train_size": 1000.0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (PRIMARY.replace("100", "1.5"), "budget must be a whole number of parameters, got 1.5"),
        (PRIMARY.replace(", budget: 100", ""), "primary has no budget"),
        (PRIMARY.replace("against", "versus"), "primary has no against"),
        ("primary: KAN RBF\n", "primary must be a mapping"),
    ],
)
def test_a_primary_comparison_that_is_none_is_one_sentence(published, capsys, text, sentence):
    published(GOOD_STUDY + text)
    assert run_command("reproduce") == 2
    assert sentence in capsys.readouterr().err


def test_published_studies_hold_the_comparisons_that_they_declare():
    for declaring in STUDIES.values():
        if declaring.primary is not None:
            assert declaring.primary.of(declaring.records) is not None
