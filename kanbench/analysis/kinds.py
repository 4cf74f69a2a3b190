"""Family, metric and measure of records, also of those that are older than these columns."""

import pandas as pd

MLP = "MLP"  # the family that stands in greys and last, as what the others are compared with
REGRESSION, CLASSIFICATION = "rel_l2", "rel_cross_entropy"
MEASURES = {
    REGRESSION: "relative L2 error on test",
    CLASSIFICATION: "cross-entropy on test over that of the class prior",
}


def families(frame: pd.DataFrame) -> pd.Series:
    """Return the family of the method of each row: the methods that share a color, a panel and a frontier.

    Records that do not say it are of KANs, whose family is their basis, or of MLPs.
    """
    basis = frame.basis.fillna("")
    before = ("KAN " + basis).where(basis != "", MLP)
    return frame.family.where(frame.family.fillna("") != "", before) if "family" in frame else before


def metrics(frame: pd.DataFrame) -> pd.Series:
    """Return the metric that each row is compared by: its column is train_, val_ or test_ and the metric.

    Records that do not say it are of classifications if they have a cross-entropy, else of regressions.
    """
    before = pd.Series(REGRESSION, index=frame.index, dtype=object)
    for split in ("train", "val", "test"):
        if (column := f"{split}_{CLASSIFICATION}") in frame:
            before = before.mask(frame[column].notna(), CLASSIFICATION)
    return frame.metric.where(frame.metric.notna(), before) if "metric" in frame else before


def measure(frame: pd.DataFrame) -> str:
    """Return what the score of these records is called in tables and figures."""
    named = frame.measure.dropna().unique() if "measure" in frame else ()
    return ", ".join(named) if len(named) else ", ".join(MEASURES[metric] for metric in metrics(frame).unique())
