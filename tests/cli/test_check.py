"""`check` prints every check of a model of one's own; a fault is one sentence and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from kanbench.cli.main import run_command

TINY = Path(__file__).parents[1] / "methods" / "tiny_models.py"
CHECKS = [
    *("builds", "output", "parameters", "seeds", "rows", "mode", "varies", "gradient", "inputs", "members", "source"),
]


def check(capsys, *words):
    code = run_command("check", *words)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_sound_model_has_a_line_for_every_check_and_one_for_each_further_number_of_inputs(capsys):
    code, out, err = check(capsys, f"model.target={TINY}:Plain", "model.kwargs={gain: 2}", "data.tasks=[I.6.2,I.12.11]")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert [words[1] for words in lines if words[0] == "ok"][: len(CHECKS)] == CHECKS
    assert lines[0][:2] == ["Plain", "gain=2"]
    assert "2 inputs, 1 output, double precision" in out


def test_a_fault_ends_the_list_and_is_said_on_stderr(capsys):
    code, out, err = check(capsys, f"model.target={TINY}:Constant", "data.tasks=[I.6.2]")
    assert code == 2
    assert out.splitlines()[-1].split()[:2] == ["fault", "varies"]
    assert err.startswith("kanbench: model: Constant ")
    assert len(err.splitlines()) == 1


def test_a_note_is_no_fault(capsys):
    code, out, _ = check(capsys, f"model.target={TINY}:OldFunction", "data.tasks=[I.6.2]")
    assert code == 0
    assert "  note  members    members are computed one after the other" in out


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("model.target=gone.py:MyKAN", "model.target gone.py:MyKAN: there is no file gone.py"),
        (f"model.target={TINY}:Plane", "unknown name 'Plane'; did you mean Plain"),
        (f"model.target={TINY}:SEEN_DTYPES", "must be a class or a function, got []"),
        (f"model.target={TINY}:Raises", "fails: RuntimeError: needs a GPU (tiny_models.py line"),
        ("model.depth=2", "model.target must be file.py:Name or package.module:Name, got ''"),
        ("model.kwargs=3", "model.kwargs: expected names and values, as {grid: 5}, got 3"),
        ("model.takes=network", "model.takes: expected one of model, layer, got 'network'"),
        ("model.goal=x", "unknown key of model 'goal'"),
    ],
)
def test_bad_words_are_answered_in_one_sentence(capsys, word, said):
    code, out, err = check(capsys, word)
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in out + err


def test_check_needs_a_model(capsys):
    assert check(capsys)[0] == 2


@pytest.mark.slow
def test_a_run_of_a_faulty_model_ends_with_one_sentence_and_without_a_record(tmp_path):
    words = ["model=own", f"model.target={TINY}:WrongShape", "data.tasks=[I.6.2]"]
    command = [sys.executable, "-m", "kanbench", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 2
    assert "its output has shape (16, 3) for 16 rows, and must have (16, 1)" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
