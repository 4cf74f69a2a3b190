"""One object computes what tables, figures, page and terminal say, each thing once."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from test_tables import METHODS, records

from kanbench.analysis import answers, say, summarize
from kanbench.analysis.scores import Primary
from kanbench.analysis.significance import PairTests, Refusal
from kanbench.cli.main import run_command
from kanbench.errors import UnknownName, UsageError
from kanbench.report.figures.gallery import FIGURES
from kanbench.report.figures.style import method_styles, save
from kanbench.report.result import Result
from kanbench.report.run_report import write_report

OF_OTHER_RECORDS = {
    "slopes",
    "error_against_evaluations",
    "error_against_step_time",
    "shapes",
    "loss_vs_train_size",
    "loss_vs_noise",
    "loss_vs_extrapolation",
}
SINGLE = [name for name in FIGURES if name not in OF_OTHER_RECORDS]


def test_the_parts_of_a_result_are_what_the_functions_of_the_analysis_say():
    frame = records()
    result = Result.of(frame, "A title", "MLP tanh")
    assert result.answer == say(answers(frame, "MLP tanh"))
    pd.testing.assert_frame_equal(result.summary, summarize(frame, "MLP tanh"))
    assert result.styles == method_styles(frame)
    assert isinstance(result.tests_at(100, "MLP tanh"), PairTests)
    assert len(result.tests) == 2 * 5
    assert result.records is frame
    assert list(result.parts.values()) == [result]


def test_everything_is_computed_once_and_the_frame_stays_as_it_was(monkeypatch):
    frame = records()
    before = frame.copy()
    result = Result.of(frame, baseline="MLP tanh")
    calls = []
    for name in ("check_protocol", "choose_rates", "compare_pairs"):
        real = getattr(__import__("kanbench.analysis.scores", fromlist=[name]), name)
        monkeypatch.setattr(f"kanbench.analysis.scores.{name}", lambda *a, _r=real, _n=name: calls.append(_n) or _r(*a))
    for _ in range(2):
        assert len(result.summary) == len(result.ranking) == 12
        assert result.answer
        assert len(result.tests) == 10
        assert result.plot("critical_difference").axes
        assert result.plot("tasks").axes
    assert sorted(calls) == ["check_protocol", "choose_rates", *["compare_pairs"] * 4]  # two budgets; all pairs at both
    pd.testing.assert_frame_equal(frame, before)


def test_the_primary_comparison_is_answered_and_follows_a_choice_of_methods():
    primary = Primary("KAN RBF", "MLP tanh", 50)
    result = Result.of(records(), baseline="MLP tanh", primary=primary)
    assert result.answer.startswith("KAN RBF is better than MLP tanh on 8 tasks at 50 parameters")
    assert "the primary comparison, tested alone" in result.answer
    assert sorted(result.tests.comparisons) == [1] + [9] * 9
    few = result.choose(["KAN RBF", "MLP tanh", "MLP relu"], names={"KAN RBF": "RBF"})
    assert few.primary == Primary("RBF", "MLP tanh", 50)
    assert sorted(few.tests.comparisons) == [1] + [3] * 3
    assert result.choose(["KAN Taylor", "MLP tanh"]).primary is None
    with pytest.raises(UsageError, match="'KAN RBF' and 'MLP tanh' at 70 parameters are not both among the records"):
        Result.of(records(2), primary=Primary("KAN RBF", "MLP tanh", 70))


def test_a_primary_comparison_stands_at_its_own_level_of_a_sweep():
    frame = pd.concat(records(8, (50,), f"p{n}", train_size=n, n_train=n, settings="s") for n in (10, 20))
    for level, alone in (({"train_size": 20.0}, [False, True]), ({}, [False, False])):
        result = Result.of(frame, primary=Primary("KAN RBF", "MLP tanh", 50, level))
        assert ["tested alone" in said for said in result.sentences.values()] == alone


def test_too_few_tasks_have_no_critical_difference():
    with pytest.raises(Refusal, match="5 tasks are too few for a test"):
        Result.of(records(5)).plot("critical_difference")


def test_levels_have_an_answer_each_and_share_what_they_compute(monkeypatch):
    frame = pd.concat(records(8, (50,), f"p{n}", train_size=n, n_train=n, settings="s") for n in (10, 20, 40))
    calls = []
    monkeypatch.setattr("kanbench.analysis.scores.check_protocol", calls.append)
    result = Result.of(frame, baseline="MLP tanh")
    lines = result.answer.splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"training rows {n}" for n in (10, 20, 40)]
    assert result.along["train_size"][1].ratio.notna().all()
    assert len(result.summary) == len(METHODS) * 3
    assert result.plot("loss_vs_train_size").axes
    assert len(calls) == 3
    with pytest.raises(Refusal, match="several levels share no such figure: draw loss_vs_train_size"):
        result.plot("heat_map")


def test_parts_that_no_table_can_hold_have_an_answer_each():
    frame = pd.concat(records(6, (50,), f"{steps}", settings=f"steps={steps}") for steps in (40, 80))
    result = Result.of(frame, "Title", "MLP tanh")
    assert [part.heading for part in result.parts.values()] == ["Title, steps=40", "Title, steps=80"]
    assert [line.partition(": ")[0] for line in result.answer.splitlines()] == ["steps=40", "steps=80"]


def test_methods_can_be_chosen_ordered_and_renamed():
    result = Result.of(records(), baseline="MLP tanh")
    few = result.choose(["MLP tanh", "KAN Taylor mean", "KAN Taylor"], names={"KAN Taylor": "Taylor", "MLP tanh": "M"})
    assert few.methods == ["M", "KAN Taylor mean", "Taylor"]
    assert few.baseline == "M"
    assert set(few.ranking.method) == {"M", "KAN Taylor mean", "Taylor"}
    assert few.answer.startswith("Taylor (the best of 2) is better than M on 8 tasks")
    assert "Holm" not in few.answer
    assert len(few.tests) == 2 * 2  # fewer pairs, so less correction
    names = [text.get_text() for text in few.plot("tasks").legends[0].get_texts()]
    assert names == few.methods
    assert [label.get_text() for label in few.plot("heat_map").axes[0].get_yticklabels()] == few.methods
    assert few.aggregations.method.tolist() == ["Taylor"]  # the pair is found under its other name
    assert result.choose(names={"KAN RBF": "RBF"}).methods[0] == "KAN RBF mean"
    assert result.choose(["KAN RBF", "KAN Taylor"]).baseline is None


@pytest.mark.parametrize(
    ("methods", "names", "sentence"),
    [
        (["KAN Tailor"], {}, r"^methods: no method 'KAN Tailor' \(methods: KAN RBF, KAN RBF mean, KAN Taylor, "),
        ([], {"M": "x"}, r"^methods: no method 'M' \(methods: KAN RBF"),
        (["MLP tanh", "MLP tanh"], {}, r"^methods: every method needs a name of its own, got 'MLP tanh'"),
        (["MLP tanh", "MLP relu"], {"MLP relu": "MLP tanh"}, r"needs a name of its own, got 'MLP tanh'"),
        (["MLP tanh"], {"MLP tanh": " "}, r"needs a name of its own, got ' '"),
    ],
)
def test_a_choice_that_cannot_be_made_is_one_sentence(methods, names, sentence):
    with pytest.raises(UsageError, match=sentence):
        Result.of(records(2)).choose(methods, names)


def test_an_unknown_baseline_or_figure_is_one_sentence_with_what_there_is():
    with pytest.raises(UsageError, match=r"^baseline: no method 'MLP' \(methods: KAN RBF, "):
        Result.of(records(2), baseline="MLP")
    with pytest.raises(UnknownName, match=r"^unknown figure 'heatmap'; did you mean heat_map"):
        Result.of(records(2)).plot("heatmap")
    with pytest.raises(UsageError, match=r"^page: needs the files of the records"):
        Result.of(records(2)).page("page.html")


@pytest.mark.parametrize("name", [name for name in SINGLE if name != "tasks"])
def test_a_figure_is_drawn_on_given_axes_beside_others(name):
    figure, (left, right) = plt.subplots(ncols=2)
    try:
        drawn = Result.of(records(6), "t").plot(name, ax=right)
        assert drawn is figure
        assert right.has_data()
        assert not left.has_data()
        assert not figure.legends
        assert right.get_title(loc="left").startswith("t")
    finally:
        plt.close(figure)


def test_a_figure_of_many_panels_says_that_it_takes_no_axes():
    figure, ax = plt.subplots()
    plt.close(figure)
    with pytest.raises(UsageError, match=r"^tasks: this figure has a panel for every task"):
        Result.of(records()).plot("tasks", ax=ax)


@pytest.mark.parametrize("name", SINGLE)
def test_a_figure_for_a_column_of_a_paper_is_as_wide_as_asked_and_nothing_is_cut(name):
    result = Result.of(records(6)).choose(["MLP tanh", "KAN Taylor", "KAN Taylor mean"])
    figure = result.plot(name, width=3.4)
    assert figure.get_figwidth() == 3.4
    figure.draw_without_rendering()
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert figure.bbox.x0 - 1 <= box.x0 <= box.x1 <= figure.bbox.x1 + 1
    assert figure.axes[0].get_window_extent().width > 40


def test_the_rcparams_of_the_user_come_before_the_style_of_the_house():
    result = Result.of(records()).choose(["MLP tanh", "KAN Taylor"])
    with mpl.rc_context({"font.size": 5.0, "axes.grid": True, "font.family": "serif"}):
        axes = result.plot("loss_vs_parameters").axes[0]
        assert axes.xaxis.label.get_fontfamily() == ["serif"]
        assert axes.get_xticklabels()[0].get_fontsize() == 5.0
    assert result.plot("loss_vs_parameters").axes[0].get_xticklabels()[0].get_fontsize() == 11.0


def test_figures_of_chosen_methods_are_written_as_pdf_by_one_command(tmp_path, capsys):
    records(6, (50,)).to_csv(tmp_path / "records.csv", index=False)
    words = ["tables", str(tmp_path), "--out", str(tmp_path / "out"), "--format", "pdf", "--width", "3.4"]
    assert run_command(*words, "--methods", "MLP tanh,KAN Taylor=Taylor, KAN RBF") == 0
    assert "Taylor" in capsys.readouterr().out
    figures = {path.name for path in (tmp_path / "out").glob("*.*") if path.suffix in (".pdf", ".png", ".svg")}
    assert {"loss_vs_parameters.pdf", "heat_map.pdf", "tasks.pdf"} <= figures
    assert {name.rpartition(".")[2] for name in figures} == {"pdf"}
    page = (tmp_path / "out" / "tables.md").read_text()
    assert "3 of 6 methods were chosen" in page
    assert [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")][2:5] == [
        "MLP tanh", "Taylor", "KAN RBF",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--methods", "MLP tahn"], "--methods: no method 'MLP tahn' (methods: KAN RBF, KAN RBF mean, KAN Taylor"),
        (
            ["--methods", "KAN RBF", "--baseline", "MLP tanh"],
            "--baseline: 'MLP tanh' is not among",
        ),
        (["--format", "jpeg"], "--format must be of png, svg, pdf, got 'jpeg'"),
        (["--width", "wide"], "--width must be a number of inches, got 'wide'"),
        (["--width", "0.1"], "--width must be 2 to 50 inches, got 0.1"),
    ],
)
def test_options_of_tables_that_cannot_be_are_one_sentence(tmp_path, capsys, words, sentence):
    records(2, (50,)).to_csv(tmp_path / "records.csv", index=False)
    assert run_command("tables", str(tmp_path), "--out", str(tmp_path / "out"), *words) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_result_is_saved_whole(tmp_path):
    pages = []
    result = Result(records(2, (50,)), title="t", page_writer=lambda path: pages.append(path.write_text("page")))
    result.save(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"records.csv", "tables.md", "errors.tex", "heat_map.pdf", "heat_map.png", "report.html"} <= names
    assert set(pd.read_csv(tmp_path / "out" / "records.csv").method) == set(result.methods)
    assert pages


def test_no_page_of_all_methods_is_taken_for_one_of_the_chosen(tmp_path):
    pages = []
    result = Result(records(2, (50,)), title="t", page_writer=pages.append)
    few = result.choose(["MLP tanh", "KAN Taylor"], names={"KAN Taylor": "Taylor"})
    with pytest.raises(UsageError, match="it shows all methods of a run; write it from the result"):
        few.page(tmp_path / "page.html")
    few.save(tmp_path / "out")
    assert not pages
    assert not (tmp_path / "out" / "report.html").exists()
    assert set(pd.read_csv(tmp_path / "out" / "records.csv").method) == {"MLP tanh", "Taylor"}


@pytest.mark.parametrize("with_reference", [False, True])
def test_a_run_draws_the_figures_of_its_result(tmp_path, monkeypatch, with_reference):
    frame = records(6)
    if with_reference:
        linear = frame[(frame.method == "MLP tanh") & (frame.budget == 50)]
        facts = {"method": "linear", "family": "linear", "cell": linear.cell + "linear", "budget": pd.NA}
        frame = pd.concat([frame, linear.assign(**facts, score=0.9, params=float("nan"), flops=float("nan"))])
    monkeypatch.setattr("kanbench.report.run_report.load_records", lambda cells: frame)
    report = write_report([], tmp_path / "report", "t", "MLP tanh")
    assert [path.stem for path in report.figures] == ["loss_vs_parameters", "tasks"]
    for path in report.figures:
        save(report.result.plot(path.stem), tmp_path / path.stem)
        assert (tmp_path / f"{path.stem}.svg").read_bytes() == path.with_suffix(".svg").read_bytes()
        assert ("linear" in path.with_suffix(".svg").read_text()) == with_reference


def test_a_result_takes_another_baseline_and_title_and_else_comes_back_as_it_is():
    result = Result.of(records(), "study", "MLP tanh")
    assert Result.of(result) is result
    other = Result.of(result, baseline="KAN Taylor")
    assert (other.title, other.baseline) == ("study", "KAN Taylor")
    assert Result.of(result, "again").title == "again"
