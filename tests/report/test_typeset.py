"""Tables as text."""

import re

import pandas as pd

from kanbench.report.typeset import Table, error, error_table, interval, p_value, share, tabulate


def test_numbers_have_the_digits_that_they_are_worth():
    assert [error(x) for x in (1.1149e-3, 0.5, 1.0, float("nan"))] == ["1.11e-3", "5.00e-1", "1.00", "-"]
    assert interval(1.1149e-3, 1.04e-3, 1.3e-3) == "1.11e-3 (1.0e-3 .. 1.3e-3)"
    assert interval(1.1149e-3, float("nan"), float("nan")) == "1.11e-3"
    assert [p_value(x) for x in (1e-9, 0.0123, 0.5)] == ["< 0.001", "0.012", "0.50"]
    assert share(3 / 200, 0.004, 0.0523) == "1.5 % (0.4 .. 5.2)"


def test_a_table_in_markdown_and_in_latex():
    table = Table("5 % of A_B", ["method", "a|b"], [["KAN sum_over_sqrt", "1"]], frozenset({(0, 1)}))
    assert table.markdown().splitlines()[2:] == [
        r"| method | a\|b |",
        "| --- | ---: |",
        "| KAN sum_over_sqrt | **1** |",
    ]
    assert r"\caption{5 \% of A\_B}" in table.latex()
    assert r"KAN sum\_over\_sqrt & \textbf{1} \\" in table.latex()
    assert table.latex().index(r"\toprule") < table.latex().index(r"\midrule") < table.latex().index(r"\bottomrule")


def test_errors_by_budget_with_the_best_in_bold_and_gaps_as_gaps():
    ranked = pd.DataFrame(
        [(50, "a", 0.2, 0.1, 0.3, 6, 0), (50, "b", 0.1, 0.1, 0.1, 6, 0), (100, "a", 0.01, 0.01, 0.02, 6, 2)],
        columns=["budget", "method", "error", "error_low", "error_high", "members", "failed"],
    )
    table = error_table(ranked, {50: {"b"}, 100: {"a"}}, "error", "c")
    assert table.headings == ["method", "50", "100"]
    assert [row[0] for row in table.rows] == ["a", "b"]
    assert table.rows[0][2] == "1.00e-2 (1.0e-2 .. 2.0e-2), 2 of 6 failed"
    assert table.rows[1][2] == "-"
    assert table.bold == {(1, 1), (0, 2)}


def test_columns_say_where_they_come_from():
    frame = pd.DataFrame({"m": ["x", "y"], "win": [1, 2], "loss": [3, 4]})
    table = tabulate(frame, {"name: m": str, "w/l: win, loss": "{}/{}".format}, "c", [False, True])
    assert table.headings == ["name", "w/l"]
    assert table.rows == [["x", "1/3"], ["y", "2/4"]]
    assert table.bold == {(1, 0)}


HOSTILE = "a_{b}^~\\ [c] *d* <e> #f $g$ 100 %\n\nh & i|j"


def test_hostile_names_stay_one_cell_of_a_markdown_table():
    for place in range(3):
        words = ["caption", "heading", "cell"]
        words[place] = HOSTILE
        caption, heading, cell = words
        _, blank, *rows = Table(caption, ["method", heading], [[cell, "1"], [cell, "2"]]).markdown().splitlines()
        assert blank == ""
        assert len(rows) == 4
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}  # bars that divide cells


def test_hostile_names_are_text_in_latex():
    """Braces are escaped, and nothing ends a row, a paragraph or the table."""
    latex = Table(HOSTILE, ["method", HOSTILE], [[HOSTILE, "1"], ["[b] *c", "2"]]).latex()
    body = latex.partition("\n")[2]  # the first line has a comment
    assert "\n\n" not in body
    assert body.count(r"\\") == 3
    assert r"a\_\{b\}\^{}\~{}\textbackslash{} {[}c] {*}d{*} $<$e$>$ \#f \$g\$ 100 \% h \& i\textbar{}j" in body
    assert not re.search(r"\\\\\s*[\[*]", body)  # which would be arguments of the end of a row
