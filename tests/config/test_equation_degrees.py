"""Splines whose degree is "auto": it follows from the tasks before any key is made."""

import pytest
from hydra import compose, initialize_config_dir

from kanbench.cli.words import Words
from kanbench.config.options import CONF
from kanbench.config.read import read_config
from kanbench.errors import ConfigError


def config(*words):
    words = Words.parse(["budget.targets=[100]", "seeds=1", "baseline=none", *words])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return read_config(compose("config", list(words.overrides)))


@pytest.mark.parametrize("basis", ["bspline", "free_knots"])
@pytest.mark.parametrize(
    ("tasks", "degree"),
    [
        (("data=pde", "data.tasks=[poisson]"), 5),
        (("data=pde", "data.tasks=[advection]"), 3),
        (("data=toy",), 3),
    ],
    ids=["second order", "first order", "regression"],
)
def test_the_degree_suits_the_order_of_the_equations(basis, tasks, degree):
    given = config(f"basis={basis}", "basis.degree=auto", *tasks)
    assert given.methods[0].basis.degree == degree
    assert [cell.key for cell in given.cells()] == [
        cell.key for cell in config(f"basis={basis}", f"basis.degree={degree}", *tasks).cells()
    ]


def test_no_other_basis_has_an_automatic_degree():
    with pytest.raises(ConfigError, match=r"basis\.degree: expected an integer, got .auto."):
        config("basis=chebyshev", "basis.degree=auto")
