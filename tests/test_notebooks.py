"""Notebooks run from their first cell to their last, and are what their percent scripts say."""

from pathlib import Path

import jupytext
import pandas as pd
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("[!_]*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_shows(script):
    notebook = jupytext.read(script)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(script.parent)}}).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = ["image/png" in output["data"] for output in shown if "<Figure" in str(output.get("data"))]
    assert pictures
    assert all(pictures)


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_defines_no_function_and_equals_its_pair(script):
    notebook, pair = jupytext.read(script), jupytext.read(script.with_suffix(".ipynb"))
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in pair.cells]
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    assert not any(line.startswith("def ") for line in lines)


def test_the_committed_notebook_of_results_was_executed_on_todays_records():
    records = pd.read_csv("results/frontier/records.csv.gz", usecols=["task", "cell"])
    notebook = jupytext.read("notebooks/results.ipynb")
    printed = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    assert printed[0].startswith(f"{len(records):,} models, "), "execute it again: python -m notebooks results"
    assert printed[0].strip().endswith(f" {records.task.nunique()} equations")
    assert "the primary comparison, tested alone" in "".join(printed)
