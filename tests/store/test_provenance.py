"""The hash of the code of a cell changes with the code that makes its numbers, and with nothing else."""

import re
import shutil
import subprocess

import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

import kanbench.run.running
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.loggers.logger import RunLogger
from kanbench.run.job import job_of
from kanbench.store import provenance
from kanbench.store.provenance import ROOMS, ROOTS, code_of
from kanbench.store.record import read_record

CHEBYSHEV = frozenset(["Cell", "Task", "Chebyshev", "KANMethod", "LevenbergMarquardt", "SplitSizes"])
RBF = CHEBYSHEV - {"Chebyshev"} | {"RBF"}


@pytest.fixture
def package(tmp_path):
    """A copy of the code."""
    for room in ROOMS:
        shutil.copytree(provenance.HERE / room, tmp_path / "a" / room, ignore=shutil.ignore_patterns("*.pyc"))
    return tmp_path / "a"


def changed(package, copy_name, name, *edits):
    """Another copy, with a file changed."""
    copy = package.with_name(copy_name)
    shutil.copytree(package, copy)
    path = copy / name
    text = path.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return copy


def test_moving_files_comments_docstrings_imports_and_layout_change_nothing(package):
    copy = changed(
        package,
        "moved",
        "bases/chebyshev.py",
        ("polynomials of the first kind", "polynomials"),
        ("the cosines of n acos(z)", "another docstring"),
        ("from dataclasses", "import os  # a comment\n\nfrom dataclasses"),
    )
    (copy / "training/optimizers/levenberg_marquardt.py").rename(copy / "training/damped.py")
    (copy / "bases/chebyshev.py").rename(copy / "models/moved.py")
    assert code_of(CHEBYSHEV, copy) == code_of(CHEBYSHEV, package) == code_of(CHEBYSHEV)


def test_a_changed_basis_is_other_code_for_its_own_cells_only(package):
    copy = changed(package, "basis", "bases/chebyshev.py", ("2.0", "2.5"))
    assert code_of(CHEBYSHEV, copy) != code_of(CHEBYSHEV, package)
    assert code_of(RBF, copy) == code_of(RBF, package)


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("models/layer.py", "class KANLayer("),
        ("methods/budget.py", "def solve_nodes("),
        ("training/optimizers/levenberg_marquardt.py", "class LevenbergMarquardt("),
        ("training/ensemble.py", "class Ensemble"),
        ("training/module.py", "class EnsembleModule("),
        ("cells/grading.py", "def grade_members("),
        ("data/sampling.py", "def sample("),
        ("data/metrics.py", "def grade("),
    ],
)
def test_whatever_a_training_needs_is_part_of_its_code(package, name, old):
    """A new definition that nothing uses changes nothing; a new line in one that is used changes the hash."""
    text = (package / name).read_text()
    begin = text.index(old)
    head = text[begin : text.index(":\n", begin) + 2]
    unused = changed(package, "unused", name, (text, f"{text}\n\nUNUSED = 1\n"))
    used = changed(package, "used", name, (head, f"{head}    used = 1\n"))
    assert code_of(CHEBYSHEV, unused) == code_of(CHEBYSHEV, package)
    assert code_of(CHEBYSHEV, used) != code_of(CHEBYSHEV, package)


def test_what_the_hash_begins_with_exists():
    assert {*ROOTS, *CHEBYSHEV, *RBF} <= provenance._definitions(provenance.HERE).keys()


@pytest.fixture
def tiny(tmp_path):
    """Trains the two cells of a run, with the words that follow; what it said, and how many it trained."""

    def train(*words):
        sizes = ("seeds=1", "data.train=40", "data.validation=20", "data.test=20", "optimizer.steps=1")
        chosen = ("name=x", f"results={tmp_path}", "data.tasks=[I.27.6]", "budget.targets=[50]", "basis=chebyshev")
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = read_config(compose("config", [*chosen, *sizes, "trainer.workers=1", *words]))
        job, console = job_of(config, ["kanbench"], tmp_path), Console(record=True, quiet=False, width=200)
        store = job.store
        store.prepare()
        logger = RunLogger(config.logger, config.name, config.folder, "kanbench")
        tally = kanbench.run.running.train(job, logger, console)
        return console.export_text(), tally.trained, {path.stem: read_record(path) for path in store.folder.iterdir()}

    return train


def test_a_run_that_reuses_cells_of_other_code_says_so_and_can_train_them_again(tiny, monkeypatch):
    said, trained, records = tiny()
    assert (trained, "other code" in said) == (2, False)
    said, trained, _ = tiny()
    assert (trained, "other code" in said) == (0, False)

    monkeypatch.setattr(provenance, "code_of", lambda kinds: "of tomorrow" if "KANMethod" in kinds else code_of(kinds))
    said, trained, same = tiny()
    assert trained == 0
    assert said.count("1 of the reused cells was trained by other code than today's; retrain=true trains such") == 1
    assert same == records

    said, trained, again = tiny("retrain=true")
    assert (trained, "other code" in said) == (1, False)
    codes = {key: (records[key].environment["code"], again[key].environment["code"]) for key in records}
    assert sorted(after for _, after in codes.values() if after == "of tomorrow") == ["of tomorrow"]
    assert sum(before == after for before, after in codes.values()) == 1
    assert tiny("retrain=true")[1] == 0


def test_records_that_do_not_say_their_code_are_reused_silently(tiny, monkeypatch):
    monkeypatch.setattr(provenance, "environment", dict)
    monkeypatch.setattr("kanbench.cells.train.environment", lambda cell: {})
    tiny()
    monkeypatch.undo()
    said, trained, _ = tiny("retrain=true")
    assert (trained, "other code" in said) == (0, False)


def test_a_package_that_git_does_not_track_has_no_commit_whatever_repository_it_lies_in(tmp_path, monkeypatch):
    """As in an environment inside somebody's repository, whose commit is not that of kanbench."""
    package = tmp_path / ".venv" / "kanbench"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=theirs"], check=True)
    monkeypatch.setattr(provenance, "HERE", package)
    assert provenance.commit.__wrapped__() == ""
    subprocess.run([*git, "add", "."], check=True)
    assert re.fullmatch("[0-9a-f]{40}[+]", provenance.commit.__wrapped__())
