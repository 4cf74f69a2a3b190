"""The page in a browser: what a reader does, and what the page then shows."""

import csv
import io
import json
import re
from xml.etree import ElementTree

import pytest
import torch
from matplotlib.colors import to_hex

from kanbench.analysis import load_records
from kanbench.cells import Cell, Execution, Precision, restore_cell, retrain, run_cell
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod
from kanbench.page import PageOptions, find_source, write_page
from kanbench.report.figures.style import method_styles
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt
from tests.page.opening import visit

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page")]
METHODS = (KANMethod(), MLPMethod())


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two methods on two equations at two budgets, three seeds each: the folder of the run, and its page."""
    folder = tmp_path_factory.mktemp("page") / "study"
    store = RecordStore(folder / "cells")
    store.prepare()
    suite = load_suite("feynman")
    cells = [
        Cell("study", "feynman", suite.task(task), method, budget, (0, 1, 2), LevenbergMarquardt(20, check_every=5),
             SplitSizes(100, 100, 200), Precision.double)
        for task in ("I.27.6", "I.12.11") for method in METHODS for budget in (56, 97)
    ]  # fmt: skip
    for cell in cells:
        store.write(run_cell(cell, Execution(statistics=True)))
    job = folder / "jobs" / "first"
    job.mkdir(parents=True)
    manifest = {"cells": [str(store.path(cell.key)) for cell in cells], "baseline": "MLP tanh", "title": "A <study>"}
    (job / "cells.json").write_text(json.dumps(manifest | {"command": "python -m kanbench experiment=study"}))
    path = folder / "report.html"
    assert write_page(find_source(folder), path, PageOptions(networks=4)) == 4
    return store, path


@pytest.fixture(scope="module")
def browser_tab(chromium, study):
    """The page, once for all tests; everything that it asks for or complains of is kept."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", offline=True)
    tab = context.new_page()
    tab.set_default_timeout(60_000)  # of a loaded machine
    tab.complaints, tab.requests = [], []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    visit(tab, study[1])
    yield tab
    context.close()


@pytest.fixture
def tab(browser_tab):
    """The page as it opens."""
    visit(browser_tab)
    browser_tab.set_viewport_size({"width": 1280, "height": 900})
    yield browser_tab
    assert browser_tab.complaints == []
    assert {url for url in browser_tab.requests if not url.startswith(("file:", "data:", "blob:"))} == set()


def traces(tab, chart):
    """What a chart holds, by name where it has one."""
    read = "(id) => document.getElementById(id).data.map(({name, x, y}) => ({name, x: [...x], y: [...y]}))"
    return tab.evaluate(read, chart)


def named(tab, chart, name):
    (found,) = [trace for trace in traces(tab, chart) if trace["name"] == name]
    return found


def network_of(tab, store):
    """The network that is shown, trained by the test itself."""
    facts = tab.text_content("#network-facts")
    seed, key = re.search(r"seed (\d+), cell (\w+)", facts).groups()
    (path,) = store.folder.glob(f"{key}*.json")
    record = store.find(path.stem)
    return retrain(restore_cell(record.cell), int(seed), None)


def choose_kan(tab):
    labels = tab.locator("#network option").all_text_contents()
    tab.select_option("#network", label=next(label for label in labels if "KAN" in label))


def members(store):
    """Every member of the study, as its record has it."""
    return [member for path in store.folder.glob("*.json") for member in store.find(path.stem).members]


def test_it_opens_with_the_answer_and_the_origin(tab):
    assert tab.title() == "A <study> · kanbench"
    assert re.match(r"(MLP tanh|KAN BSpline) .*at 97 parameters: error ratio", tab.text_content("#answer"))
    assert "python -m kanbench experiment=study" in tab.text_content("#origins")


def test_the_training_error_stands_beside_the_error_of_each_method(tab):
    headings = tab.locator("#summary th").all_text_contents()
    row = tab.locator("#summary tbody tr").filter(has_text="KAN BSpline").first.locator("td").all_text_contents()
    beside = dict(zip(headings, row, strict=True))
    assert 0.0 < float(beside["on training"]) < 1.5
    assert float(beside["error"]) > 0.0


def test_methods_are_switched_off_everywhere(tab):
    before = {trace["name"] for trace in traces(tab, "curves")} - {None}
    assert before == {"MLP tanh", "KAN BSpline"}
    tab.get_by_role("checkbox", name="MLP tanh").uncheck()
    for chart in ("curves", "learning"):
        assert "MLP tanh" not in {trace["name"] for trace in traces(tab, chart)}
    assert "MLP tanh" not in tab.text_content("#summary tbody")
    tab.get_by_role("checkbox", name="MLP tanh").check()
    assert "MLP tanh" in {trace["name"] for trace in traces(tab, "curves")}


@pytest.mark.parametrize(("label", "name"), [("FLOPs", "flops"), ("seconds", "seconds"), ("parameters", "params")])
def test_the_horizontal_axis_is_switched(tab, study, label, name):
    """Each point is at the median over tasks, here two."""
    of_mlp = [member for member in members(study[0]) if member["method"] == "MLP tanh" and member["seed"] == 0]
    places = [sum(m[name] for m in of_mlp if m["budget"] == budget) / 2 for budget in (56, 97)]
    tab.get_by_label(label, exact=True).check()
    assert named(tab, "curves", "MLP tanh")["x"] == pytest.approx(places, rel=1e-5)


def test_a_panel_shows_its_task_with_every_member(tab, study):
    tab.locator('.panel[data-task="I.12.11"]').click()
    assert tab.input_value("#task") == "I.12.11"
    scores = [member["test_rel_l2"] for member in members(study[0]) if member["task"] == "I.12.11"]
    drawn = {y for trace in traces(tab, "curves") if len(trace["y"]) == 6 for y in trace["y"]}
    assert sorted(drawn) == pytest.approx(sorted(scores), rel=1e-5)


def test_zoom_by_keyboard(tab):
    width = "() => { const [a, b] = document.getElementById('curves').layout.xaxis.range; return b - a }"
    before = tab.evaluate(width)
    tab.get_by_role("button", name="Zoom in").press("Enter")
    assert tab.evaluate(width) == pytest.approx(0.6 * before)
    tab.get_by_role("button", name="Reset").press("Enter")
    assert tab.evaluate(width) == pytest.approx(before)


def test_an_edge_that_is_clicked_shows_its_function(tab, study):
    choose_kan(tab)
    model = network_of(tab, study[0])
    tab.locator('#graph [data-edge="0-1-0"] .hit').dispatch_event("click")
    assert tab.text_content("#edge-title").startswith("Edge b → h")
    shown = named(tab, "edge", "the edge")
    x = torch.tensor(shown["x"], dtype=torch.float64)
    with torch.no_grad():
        truth = model[0].edge_outputs(torch.stack([x, x], dim=1))[:, 1, 0]
    assert torch.allclose(torch.tensor(shown["y"], dtype=torch.float64), truth, atol=1e-6)
    terms = [trace["y"] for trace in traces(tab, "edge") if re.match(r"BSpline \d ", trace["name"] or "")]
    assert len(terms) == model[0].basis.n_terms
    assert torch.tensor(terms, dtype=torch.float64).sum(0).tolist() == pytest.approx(truth.tolist(), abs=1e-6)


def test_a_coefficient_that_is_dragged_moves_edge_output_and_error(tab, study):
    choose_kan(tab)
    model = network_of(tab, study[0])
    tab.locator('#tiles [data-edge="1-0-0"]').click()
    tab.select_option("#walk", "0")
    before = named(tab, "output", "network")["y"]
    slider = tab.locator("#coefficients input").nth(3)
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] / 2, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.8 * box["width"], middle, steps=5)
    tab.mouse.up()
    with torch.no_grad():
        model[1].coefficients[0, 3, 0] = float(slider.input_value())
        axis = torch.linspace(-1.0, 1.0, len(before), dtype=torch.float64)
        z = model(torch.stack([axis, torch.full_like(axis, 0.5)], dim=1)).squeeze(1)
    data = tab.evaluate("() => Object.entries(JSON.parse(document.getElementById('data').textContent).data)")
    task = re.match(r"(\S+):", tab.locator("#network option:checked").text_content()).group(1)
    seed = re.search(r"seed (\d)", tab.text_content("#network-facts")).group(1)
    (held,) = [each for key, each in data if key == f"feynman/{task}/{seed}"]
    now = named(tab, "output", "network")["y"]
    assert now == pytest.approx((z * held["scale"] + held["mean"]).tolist(), abs=1e-6)
    assert now != pytest.approx(before, abs=1e-3)
    assert named(tab, "output", "as trained")["y"] == pytest.approx(before, abs=1e-9)
    then, after = re.search(r": (\S+) as trained, (\S+) now", tab.text_content("#meter")).groups()
    with torch.no_grad():
        predictions = model(torch.tensor(held["x"], dtype=torch.float64)).squeeze(1) * held["scale"] + held["mean"]
    target = torch.tensor(held["y"], dtype=torch.float64)
    error = ((predictions - target).norm() / (target - held["mean"]).norm()).item()
    assert float(after) == pytest.approx(error, rel=1e-2)
    assert float(then) < float(after)
    tab.get_by_role("button", name="Restore coefficients").click()
    assert named(tab, "output", "network")["y"] == before


def test_coefficients_and_edges_by_keyboard(tab):
    choose_kan(tab)
    first = tab.text_content("#edge-title")
    tab.locator("#graph g.chosen").focus()
    tab.keyboard.press("ArrowRight")
    second = tab.text_content("#edge-title")
    assert second != first
    tab.keyboard.press("ArrowLeft")
    assert tab.text_content("#edge-title") == first
    before = named(tab, "output", "network")["y"]
    tab.locator("#coefficients input").nth(2).focus()
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert named(tab, "output", "network")["y"] != before


def test_the_table_is_sorted_and_filtered(tab):
    def column(k):
        return tab.locator(f"#table tbody td:nth-child({k})").all_text_contents()

    place = 1 + tab.locator("#table th").all_text_contents().index("error on test")
    tab.get_by_role("button", name="error on test").click()
    rising = [float(text) for text in column(place)]
    assert rising == sorted(rising)
    assert len(rising) == 24
    tab.get_by_role("button", name="error on test").click()
    assert [float(text) for text in column(place)] == rising[::-1]
    assert tab.locator("#table th[aria-sort=descending]").count() == 1
    tab.fill("#filter", "kan i.27.6")
    assert tab.text_content("#count") == "6 of 24 records"
    assert set(column(1)) == {"I.27.6"}


def test_a_record_in_full_and_from_there_to_its_network(tab, study):
    tab.get_by_role("button", name="error on test").click()
    tab.locator("#table tbody button").first.click()
    title = tab.text_content("#record-title")
    lowest = min(members(study[0]), key=lambda member: member["test_rel_l2"])
    assert title == f"{lowest['method']} on {lowest['task']}, seed {lowest['seed']}"
    assert lowest["cell"] in tab.text_content("#record-fields")
    tab.locator("#to-training").click()
    assert tab.input_value("#training-task") == lowest["task"]
    assert not tab.locator("#record").is_visible()


def test_learning_curves_and_gradient_norms(tab, study):
    key = {"task": tab.input_value("#training-task"), "budget": int(tab.input_value("#training-budget"))}
    of = [r for p in study[0].folder.glob("*.json") if key.items() <= (r := study[0].find(p.stem)).members[0].items()]
    assert len(of) == 2
    drawn = sorted(trace["y"][-1] for trace in traces(tab, "learning"))
    assert drawn == pytest.approx(sorted(e for r in of for e in r.curve["validation_mse"][-1]), rel=1e-3)
    norms = [norm for each in of for norm in each.curve["layers"]["gradient_norm"][-1] if norm]
    assert sorted(trace["y"][-1] for trace in traces(tab, "gradients")) == pytest.approx(sorted(norms), rel=1e-3)


def test_dark_and_light(tab):
    page = "() => getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(page)
    tab.select_option("#theme", "dark")
    assert tab.evaluate(page) != light
    axis = "() => document.getElementById('curves').layout.font.color"
    assert tab.evaluate(axis) == "#e8e9ea"
    tab.select_option("#theme", "")
    assert tab.evaluate(page) == light
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_function(f"() => ({axis})() === '#e8e9ea'")
    tab.emulate_media(color_scheme="light")
    tab.wait_for_function(f"() => ({page})() === '{light}'")


def test_opening_takes_less_than_two_seconds_of_the_processor(chromium, study):
    """Of the page's own thread, so that what else the machine does has no part in it."""
    with chromium.new_context() as context:
        tab = context.new_page()
        session = context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        visit(tab, study[1])
        metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    assert 0.0 < metrics["TaskDuration"] < 2.0


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_is_wider_than_the_screen(tab, width):
    tab.set_viewport_size({"width": width, "height": 800})
    redrawn = """(width) => [...document.querySelectorAll(".main-svg")]
      .every((chart) => chart.getBoundingClientRect().right <= width)"""
    tab.wait_for_function(redrawn, arg=width)  # charts follow the width of the screen a moment later
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= width


def test_methods_look_as_in_the_figures(tab, study):
    """Color, marks and dashes of a method, in the curves, in the training and in the legend."""
    styles = method_styles(load_records(study[0].folder.parent))
    read = """(id) => document.getElementById(id).data.map(({name, line, marker}) =>
      ({name, ...line, symbol: marker?.symbol}))"""
    symbols = {"KAN BSpline": "circle", "MLP tanh": "x"}
    for chart in ("curves", "learning"):
        drawn = {trace["name"]: trace for trace in tab.evaluate(read, chart) if trace.get("name") in styles}
        assert {name: trace["color"] for name, trace in drawn.items()} == {
            name: to_hex(style["color"]) for name, style in styles.items()
        }
        assert {name: trace["symbol"] for name, trace in drawn.items()} == symbols
    keys = "() => [...document.querySelectorAll('#methods line')].map((line) => getComputedStyle(line).stroke)"
    shown = [to_hex([int(part) / 255 for part in re.findall(r"\d+", color)]) for color in tab.evaluate(keys)]
    assert shown == [to_hex(style["color"]) for style in styles.values()]


def test_a_record_opens_at_its_beginning(tab):
    tab.set_viewport_size({"width": 900, "height": 400})
    tab.locator("#table tbody button").first.click()
    place = tab.evaluate(
        "() => [document.getElementById('record').scrollTop, document.getElementById('record').scrollHeight]"
    )
    assert place[0] == 0
    assert place[1] > 400
    tab.get_by_role("button", name="Close").click()
    assert not tab.locator("#record").is_visible()


DRAWN = "() => [...document.querySelectorAll('.panel .plot')].map((plot) => plot.data?.length ?? 0)"


def test_every_task_is_drawn_before_anybody_scrolls_there(tab):
    tab.set_viewport_size({"width": 900, "height": 300})
    tab.evaluate("() => { history.scrollRestoration = 'manual'; }")
    visit(tab)
    assert tab.evaluate("() => document.getElementById('panels').getBoundingClientRect().top") > 600
    tab.wait_for_function(f"() => ({DRAWN})().every((traces) => traces > 0)")


def test_on_paper_everything_is_drawn_light_and_as_wide_as_the_paper(tab):
    tab.select_option("#theme", "dark")
    tab.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert all(traces > 0 for traces in tab.evaluate(DRAWN))
    sizes = """() => [...document.querySelectorAll('.chart')].filter((chart) => chart.data)
      .map((chart) => [chart._fullLayout.width, chart.offsetWidth])"""
    assert {abs(drawn - place) < 3 for drawn, place in tab.evaluate(sizes)} == {True}
    assert max(drawn for drawn, _ in tab.evaluate(sizes)) < 720
    page = "() => getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(page)
    tab.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(page) != light
    assert max(drawn for drawn, _ in tab.evaluate(sizes)) > 1100


def test_what_is_cut_says_that_it_scrolls(tab):
    hints = """() => [...document.querySelectorAll('.cut')].map((note) => {
      const {scrollWidth, clientWidth} = note.nextElementSibling;
      return [!note.hidden, scrollWidth > clientWidth + 1];
    })"""
    for width, some in ((1280, False), (360, True)):
        tab.set_viewport_size({"width": width, "height": 800})
        tab.wait_for_function(f"() => ({hints})().every(([says, is]) => says === is)")
        assert any(says for says, _ in tab.evaluate(hints)) is some


def download(tab, button):
    with tab.expect_download() as started:
        tab.locator(button).click()
    return started.value.suggested_filename, started.value.path().read_text(encoding="utf-8")


def test_tables_are_downloaded_as_csv(tab, study):
    name, text = download(tab, '[data-csv="summary"]')
    assert name == "A-study-summary.csv"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {(row["method"], row["budget"]) for row in rows} == {
        (m, b) for m in ("KAN BSpline", "MLP tanh") for b in ("56", "97")
    }
    tab.fill("#filter", "kan i.27.6")
    rows = list(csv.DictReader(io.StringIO(download(tab, '[data-csv="records"]')[1])))
    errors = [m["test_rel_l2"] for m in members(study[0]) if m["method"] == "KAN BSpline" and m["task"] == "I.27.6"]
    assert sorted(float(row["test_rel_l2"]) for row in rows) == pytest.approx(sorted(errors), rel=1e-5)


def test_charts_and_the_network_are_downloaded_as_svg(tab):
    for chart in ("curves", "graph", "edge", "output", "learning", "gradients"):
        name, text = download(tab, f'[data-svg="{chart}"]')
        assert name == f"A-study-{chart}.svg"
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        if chart in ("curves", "learning"):
            assert "KAN BSpline" in text  # its legend


def test_no_script_runs_but_those_of_the_page(chromium, study):
    """Whatever a record's text may do: no script, no attribute, no base of its addresses and no form."""
    attack = """() => {
      const script = Object.assign(document.createElement("script"), { textContent: "globalThis.ran = 'script'" });
      const image = document.createElement("div");
      image.innerHTML = "<img src='data:,' onerror='globalThis.ran = 1'>";
      const base = Object.assign(document.createElement("base"), { href: "https://evil.example/" });
      document.head.prepend(base);
      const form = Object.assign(document.createElement("form"), { action: "https://evil.example/", method: "get" });
      document.body.append(script, image, form);
      form.submit();
      return document.baseURI;
    }"""
    with chromium.new_context(offline=True) as context:
        tab = context.new_page()
        visit(tab, study[1])
        assert tab.evaluate(attack) == study[1].as_uri()
        tab.wait_for_timeout(200)
        assert tab.evaluate("() => globalThis.ran") is None
        assert tab.url == study[1].as_uri()


def test_an_old_browser_says_what_it_cannot_do(chromium, study):
    with chromium.new_context(offline=True) as context:
        tab = context.new_page()
        tab.add_init_script("delete globalThis.DecompressionStream")
        visit(tab, study[1])
        assert "needs a browser of 2023 or later" in tab.text_content("#answer")
