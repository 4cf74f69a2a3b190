"""The page of equations in a browser: maps of u, of its reference and of the error, and lines over one variable."""

import csv
import io
from functools import partial

import numpy as np
import pytest

import kanbench as kb
from kanbench.cells import Cell, Precision, run_cell
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import MLPMethod
from kanbench.models import Activation
from kanbench.page import PageOptions, find_source, write_page
from kanbench.solutions.kept import keep_solution
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("page")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "equations"
    store, suite = RecordStore(folder / "cells"), load_suite("pde")
    store.prepare()
    for name in ("advection", "poisson_1d"):
        for method in (MLPMethod(), MLPMethod(activation=Activation.silu)):
            optimizer, sizes = LevenbergMarquardt(steps=15), SplitSizes(100, 100, 100)
            cell = Cell("e", "pde", suite.task(name), method, 40, (0, 1), optimizer, sizes, Precision.double)
            store.write(run_cell(cell, keep=partial(keep_solution, store.folder)))
    write_page(find_source(folder), folder / "page.html", PageOptions(networks=0))
    return folder


def test_a_reader_sees_u_its_reference_and_its_error_of_every_method(chromium, folder):
    tab = chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True).new_page()
    tab.set_default_timeout(60_000)  # of a loaded machine
    complaints = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((folder / "page.html").as_uri())
    tab.select_option("#solution-task", "advection")
    tab.select_option("#solution-method", "MLP silu")
    assert tab.inner_text("#solution-note").startswith("MLP silu, ")
    colors = tab.evaluate("() => document.getElementById('solution-error').data[0].marker")
    assert colors["cmin"] == -colors["cmax"] < 0
    assert tab.locator("#solution-u image").count() == tab.locator("#solution-error image").count() == 1
    with tab.expect_download() as caught:
        tab.click("[data-csv=solution]")
    rows = list(csv.DictReader(io.StringIO(caught.value.path().read_text())))
    x, t, u, reference = (np.array([float(row[name]) for row in rows]) for name in ("x", "t", "u", "reference"))
    found = kb.load_solution(folder, "advection", "MLP silu")(np.column_stack([x, t]))
    np.testing.assert_allclose(u, found, atol=3e-4 * np.abs(found).max())
    np.testing.assert_allclose(reference, np.sin(x - 5 * t), atol=1e-4)
    tab.select_option("#solution-task", "poisson_1d")
    assert not tab.is_visible("#solution-known")
    lines = tab.evaluate("() => document.getElementById('solution-u').data.map(({name, y}) => [name, y.length])")
    assert lines == [["reference", 401], ["u", 401]]
    assert complaints == []
