"""Errors within so many evaluations, and the figure of them."""

import numpy as np
import pandas as pd
import pytest
from test_outcomes import frame

from kanbench.analysis.evaluations import along_evaluations
from kanbench.analysis.scores import scores_by_budget
from kanbench.analysis.significance import Refusal
from kanbench.report.result import Result


def run():
    """Two methods that change places: KAN Taylor is ahead after 128 evaluations, MLP tanh after 256."""
    columns = {"KAN Taylor": (np.nan, 0.1, 0.08), "MLP tanh": (0.9, 0.4, 0.02)}
    parts = [
        frame(name).assign(**{f"val_at_{n}": value for n, value in zip((64, 128, 256), values, strict=True)})
        for name, values in columns.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_geometric_mean_of_medians_and_the_last_error_of_what_ended_early():
    records = run()
    first = (records.method == "MLP tanh") & (records.task == "t0")
    records.loc[first & (records.seed == 0), ["val_at_64", "val_at_128", "val_at_256"]] = [0.2, np.nan, np.nan]
    records.loc[first & (records.seed == 1), "status"] = "diverged"
    table = along_evaluations(records, scores_by_budget(records)[50], 50).set_index(["method", "evaluations"]).error
    assert ("KAN Taylor", 64) not in table  # no member had looked at the validation split
    assert table["KAN Taylor", 128] == pytest.approx(0.1)
    assert table["MLP tanh", 128] == pytest.approx(np.sqrt(0.4 * 0.4))  # medians of 0.2, 1, 0.4 and of 0.4
    assert table["MLP tanh", 256] == pytest.approx(np.sqrt(0.2 * 0.02))  # of 0.2 (its last), 1, 0.02


def test_the_figure_has_a_line_per_method_and_shows_where_they_cross():
    figure = Result.of(run(), "t").plot("error_against_evaluations")
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    np.testing.assert_allclose(lines["KAN Taylor"].get_xdata(), [128, 256])
    np.testing.assert_allclose(lines["KAN Taylor"].get_ydata(), [0.1, 0.08])
    np.testing.assert_allclose(lines["MLP tanh"].get_ydata(), [0.9, 0.4, 0.02])
    assert figure._supxlabel.get_text() == "evaluations on the training split; a line ends with its last training"


def test_a_line_ends_where_all_of_its_members_had_ended():
    """A line that went on would say that ranks do not move, where nobody trained."""
    records = run().assign(val_at_512=np.nan)
    records.loc[(records.method == "MLP tanh") & (records.task == "t0") & (records.seed == 0), "val_at_512"] = 0.01
    table = along_evaluations(records, scores_by_budget(records)[50], 50)
    assert table.groupby("method").evaluations.max().to_dict() == {"KAN Taylor": 256, "MLP tanh": 512}


def test_older_records_have_no_such_figure_and_the_sentence_says_why():
    with pytest.raises(Refusal, match="do not say which errors were reached within how many evaluations"):
        Result.of(frame()).plot("error_against_evaluations")
