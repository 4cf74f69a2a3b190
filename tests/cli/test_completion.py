"""Completion offers what could come next: asked as bash asks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kanbench.cli.main import answer

SCRIPT = Path(__file__).parents[2] / "completion.bash"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("basis=bsp", ["basis=bspline"]),
        ("rep", ["report", "reproduce", "report="]),
        ("run basis=bsp", ["basis=bspline"]),
        ("submit --j", ["--jobs"]),
        ("submit basis=bsp", ["basis=bspline"]),
        ("report results/runs/smoke --ne", ["--networks"]),
        ("status basis=bsp", []),
    ],
)
def test_what_is_typed_is_completed(typed, offered):
    words = ["$PYTHON", "-m", "kanbench", *typed.split(" ")]
    line = " ".join(words)
    ask = (
        f"source {SCRIPT}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
        f'COMP_LINE="{line}"; _kanbench; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(["bash", "-c", ask], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered


def test_the_program_prints_the_script_of_the_checkout(capsys):
    assert answer(["--completion"]) == 0
    assert capsys.readouterr().out == SCRIPT.read_text(encoding="utf-8")
