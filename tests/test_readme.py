"""What the README shows is what happens."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_tour_ends_in_the_formula(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tour,) = [block for block in blocks if "snap_network" in block]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(tour, names)
    assert capsys.readouterr().out == "exp(y**2 + sin(pi*x))\n"
    assert [(layer.n_in, layer.n_out) for layer in names["model"]] == [(2, 1), (1, 1)]
    assert (names["model"](names["x"]).squeeze(1) - names["y"]).abs().max().item() == pytest.approx(0.0, abs=1e-9)
    assert (tmp_path / "pruned.png").exists()
