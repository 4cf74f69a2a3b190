"""From a system to the terminal and its folder."""

import json
from dataclasses import dataclass

import pytest
from matplotlib.figure import Figure
from rich.console import Console

from kanbench.systems import Check, Findings, System
from kanbench.systems.run import run_system


@dataclass(frozen=True)
class Sum(System):
    """Says whether 2 + 2 is `claimed`."""

    claimed: int = 4

    def run(self, console: Console) -> Findings:
        check = Check("two and two", self.claimed == 2 + 2, f"claimed {self.claimed}")
        numbers = {"claimed": self.claimed, "curve": (1.0, float("nan"), float("inf"))}
        return Findings("a sum", [check], numbers, figures={"empty": Figure()}, notes=["in base ten"])


@pytest.mark.parametrize(("claimed", "code"), [(4, 0), (5, 1)])
def test_a_failed_check_is_said_written_and_exit_code_1(claimed, code, tmp_path, capsys):
    assert run_system(Sum(claimed), ["the", "command"], tmp_path) == code
    said = capsys.readouterr().out
    assert said.startswith("a sum\n")
    assert ("FAILS" in said) == bool(code)
    assert max(map(len, said.splitlines()[:-3])) <= 80
    found = json.loads((tmp_path / "findings.json").read_text())
    assert found["checks"] == [{"claim": "two and two", "holds": not code, "found": f"claimed {claimed}"}]
    assert found["numbers"]["curve"] == [1.0, None, None]
    assert found["settings"] == {"claimed": claimed}
    assert (tmp_path / "empty.png").exists()
    assert (tmp_path / "empty.svg").exists()
