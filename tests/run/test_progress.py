"""What a run shows of its progress, by the console that it has."""

import pytest
from rich.console import Console

from kanbench.run.progress import Lines, NotebookBar, Tally, progress_of


@pytest.mark.parametrize(("quiet", "kind"), [(False, NotebookBar), (True, Lines)])
def test_a_notebook_has_a_bar_unless_progress_is_switched_off(quiet, kind):
    assert type(progress_of(Console(force_jupyter=True, quiet=quiet), 1.0)) is kind


def test_a_quiet_console_shows_no_line(capsys):
    with progress_of(Console(force_jupyter=True, quiet=True), 1.0) as step:
        step(1.0, Tally())
    assert capsys.readouterr() == ("", "")
