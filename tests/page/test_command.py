"""The page from the command line."""

import subprocess
import sys

import pytest

from kanbench.command_line import run_command
from kanbench.page.command import USE

TINY = [
    *("data=feynman", "data.tasks=[I.27.6]", "name=tiny", "seeds=1", "budget.targets=[50]", "optimizer.steps=5"),
    *("data.train=60", "data.validation=60", "data.test=100"),
]


def test_a_run_ends_with_its_page(tmp_path):
    command = [sys.executable, "-m", "kanbench", *TINY, "report=html", "basis=taylor"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (page,) = tmp_path.glob("results/runs/tiny/reports/*/report.html")
    assert f"page      {page.relative_to(tmp_path)}\n" in done.stdout
    text = page.read_text(encoding="utf-8")
    assert '"kind":"Taylor"' in text
    assert '"kind":"tanh"' in text
    assert len(text) < 5e6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["FOLDER", "network=3"], "report: unknown key 'network'; did you mean networks?"),
        (["FOLDER", "networks=many"], "report: networks must be a whole number, got 'many'"),
        (["FOLDER", "all"], "report: 'all' is not of the form key=value"),
        (["FOLDER"], "report: no records below FOLDER"),
        (["FOLDER/none"], "report: FOLDER/none is no folder"),
    ],
)
def test_one_sentence_for_each_mistake(tmp_path, capsys, words, said):
    assert run_command("report", *(word.replace("FOLDER", str(tmp_path)) for word in words)) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"kanbench: {said.replace('FOLDER', str(tmp_path))}")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_words_it_says_how_it_is_used(capsys):
    assert run_command("report") == 0
    assert capsys.readouterr().out == USE + "\n"
