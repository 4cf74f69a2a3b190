"""Pins what files of earlier versions rely on: cell keys, records, networks and the order of random draws.

`keys.json` and `cells/` were written when version 3 of the results was frozen, `version_2/cells/` and `*.kanbench`
by commit ef30f23; none is written anew within one version of the results. A failure here means that finished work
would be trained again, misread, or trained to other numbers.
"""

import json
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from kanbench import KAN, MLP
from kanbench.analysis import load_records
from kanbench.bases import BASES
from kanbench.cells import run_cell
from kanbench.cells.restore import restore_cell
from kanbench.checkpoint import load
from kanbench.config.read import read_config
from kanbench.files.stored_names import current_words
from kanbench.models import Activation
from kanbench.store.record import read_record

GOLDEN = Path(__file__).parent
CONF = GOLDEN.parent.parent / "conf"
RUNS = json.loads((GOLDEN / "keys.json").read_text())
NETWORKS = json.loads((GOLDEN / "networks.json").read_text())
SIZES = {  # the defaults of the time
    **{name: {"intervals": 5} for name in ("bspline", "free_knots", "relu_bumps")},
    **{name: {"degree": 8} for name in ("taylor", "chebyshev", "legendre", "hermite", "gegenbauer", "jacobi")},
    **{name: {"wavelets": 6} for name in ("gaussian_derivative", "mexican_hat", "morlet")},
    "bernstein": {"degree": 7},
    "fourier": {"harmonics": 4},
    "rational": {"numerator": 7},
    "rbf": {"centres": 8},
    "sine": {"waves": 4},
}
RECORDS = sorted((GOLDEN / "cells").glob("*.json"))
OF_VERSION_2 = sorted((GOLDEN / "version_2/cells").glob("*.json"))
COLUMNS = {
    "experiment",
    "suite",
    "task",
    "method",
    "basis",
    "aggregation",
    "activation",
    "depth",
    "width",
    "budget",
    "params",
    "flops",
    "seed",
    "lr",
    "optimizer",
    "evaluations",
    "seconds",
    "peak_memory_bytes",
    "train_rel_l2",
    "val_rel_l2",
    "test_rel_l2",
    "test_rmse",
    "test_max_error",
    "test_r2",
    "status",
    "reason",
    "cell",
    "commit",
}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: " ".join(run["words"]))
def test_a_run_has_the_cells_keys_and_protocols_that_it_always_had(run, monkeypatch):
    monkeypatch.chdir(GOLDEN.parent.parent)  # one run names a table below this folder
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cells = read_config(compose("config", [current_words(word) for word in run["words"]])).cells()
    found = {f"{c.method.label} on {c.task.name} at {c.budget}": [c.key, c.protocol] for c in cells}
    assert found == run["cells"]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_of_this_version_is_read_restored_and_trained_to_the_same_numbers(path):
    record = read_record(path)
    cell = restore_cell(record.cell, record.members[0]["experiment"], record.members[0]["suite"])
    assert cell.key == record.key == path.stem
    again = run_cell(cell)
    for ours, theirs in zip(again.members, record.members, strict=True):
        unsettled = {"seconds", "peak_memory_bytes", "commit", "threads"}
        assert theirs.keys() <= ours.keys()
        for name in theirs.keys() - unsettled:
            expected = theirs[name]
            assert ours[name] == (pytest.approx(expected, rel=1e-6) if isinstance(expected, float) else expected), name


def test_the_frame_of_earlier_records_keeps_its_column_names():
    frame = load_records(GOLDEN)
    assert len(frame) == 2 * len([*RECORDS, *OF_VERSION_2])
    assert set(frame.results_version) == {2, 3}
    assert set(frame.columns) >= COLUMNS


@pytest.mark.parametrize("name", NETWORKS["outputs"])
def test_a_network_of_an_earlier_version_loads_and_computes_the_same(name):
    model = load(GOLDEN / f"{name}.kanbench")
    x = torch.linspace(-1, 1, 21, dtype=torch.float64).unsqueeze(1).repeat(1, 2)
    x[:, 1] = x[:, 1].flip(0) ** 2
    expected = torch.tensor(NETWORKS["outputs"][name], dtype=torch.float64)
    torch.testing.assert_close(model(x[:5]).flatten(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NETWORKS["starts"])
def test_a_random_start_keeps_its_draws_their_order_and_the_names_of_its_parameters(name):
    generator = torch.Generator().manual_seed(3)
    if name.startswith("mlp "):
        activation = Activation(name.removeprefix("mlp "))
        model = MLP([2, 3, 1], activation, generator=generator, dtype=torch.float64)
    else:
        model = KAN([2, 2, 1], BASES[name](**SIZES.get(name, {})), generator=generator, dtype=torch.float64)
    weighted, names = NETWORKS["starts"][name]
    flat = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    assert list(model.state_dict()) == names
    assert float(flat @ torch.arange(1.0, len(flat) + 1, dtype=flat.dtype)) == pytest.approx(weighted, rel=1e-12)
