"""What the README shows is what happens."""

import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from test_imports import ROOMS

from kanbench.cells import Cell, Precision, run_cell
from kanbench.config.read import read_config
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import MLPMethod
from kanbench.solutions.kept import keep_solution
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)


def is_tour(block):
    return "snap_network" in block


def solve_an_equation():
    """Train an MLP on Burgers' equation for a moment, as a run whose solution is kept."""
    task, store = load_suite("pde").task("burgers"), RecordStore(Path("results/runs/pde/cells"))
    store.prepare()
    sizes, optimizer = SplitSizes(200, 200, 100), LevenbergMarquardt(steps=20)
    cell = Cell("pde", "pde", task, MLPMethod(), 40, (0, 1), optimizer, sizes, Precision.double)
    store.write(run_cell(cell, keep=partial(keep_solution, store.folder)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_tour_ends_in_the_formula(folder, capsys):
    (tour,) = filter(is_tour, BLOCKS)
    names = {}
    exec(tour, names)
    assert capsys.readouterr().out == "exp(y**2 + sin(pi*x))\n"
    assert [(layer.n_in, layer.n_out) for layer in names["model"]] == [(2, 1), (1, 1)]
    assert (names["model"](names["x"]).squeeze(1) - names["y"]).abs().max().item() == pytest.approx(0.0, abs=1e-9)
    assert (folder / "pruned.png").exists()


def test_all_other_examples_run_in_their_order(folder, capsys):
    words = ["experiment=smoke", "name=feynman", "data.tasks=[I.27.6]", "budget.targets=[40]", "optimizer.steps=3"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = read_config(compose("config", words))
    store = RecordStore(config.folder / "cells")
    store.prepare()
    (folder / "results" / "frontier").symlink_to(ROOT / "results" / "frontier")  # the published study
    for cell in config.cells():
        store.write(run_cell(cell))
    solve_an_equation()
    names = {"__name__": "readme"}
    for block in BLOCKS:
        if not is_tour(block):
            exec(block, names)
    printed = capsys.readouterr().out
    assert "MLP tanh" in printed
    assert "exp(b**2 + sin(pi*a))" in printed
    assert (folder / "model.kanbench").exists()
    assert (folder / "loss.pdf").read_bytes().startswith(b"%PDF")
    assert list(pd.read_csv(folder / "burgers.csv"))[1:4] == ["x", "t", "u"]
    x = torch.linspace(-1.0, 1.0, 5, dtype=torch.float64).unsqueeze(1)
    waves = [torch.cos(torch.pi * k * (x + 1) / 2) for k in (1, 2, 3)]
    torch.testing.assert_close(names["Cosine"](terms=3).expand(x).squeeze(1), torch.cat(waves, dim=1))


def test_the_map_has_every_room_below_the_rooms_that_it_imports():
    tree = (ROOT / "README.md").read_text(encoding="utf-8").partition("    kanbench/\n")[2].partition("    conf/ ")[0]
    listed = [name.removesuffix(".py") for name in re.findall(r"^      (\w+(?:\.py)?)[/ ]", tree, flags=re.MULTILINE)]
    assert sorted(listed) == sorted(set(ROOMS) - {"__init__", "__main__"})
    for i, room in enumerate(listed):
        assert ROOMS[room] <= set(listed[:i]), room
