"""Family, metric and measure of records, also of those that are older than these columns."""

import pandas as pd

MLP = "MLP"  # the family that stands in greys and last, as what the others are compared with
REGRESSION, CLASSIFICATION = "rel_l2", "rel_cross_entropy"
OF_SOLUTIONS = "relative L2 error of u on the test grid"  # the measure of differential equations
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


def references_at(frame: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Return the references that stand beside methods of a budget: classical solvers have as many unknowns."""
    references = frame[frame.budget.isna()]
    if "unknowns" not in references:
        return references
    return references[references.unknowns.isna() | (references.unknowns == budget)]


def without_further_solvers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are compared at equal parameters: solvers have the unknowns of a budget."""
    if "unknowns" not in frame:
        return frame
    return frame[frame.unknowns.isna() | frame.unknowns.isin(frame.budget.dropna().unique())]


def metrics(frame: pd.DataFrame) -> pd.Series:
    """Return the metric that each row is compared by: its column is train_, val_ or test_ and the metric.

    Records that do not say it are of classifications if they have a cross-entropy, and of regressions if they have a
    relative L2 error. Those without either, which failed or were skipped, have the metric of the others.
    """
    known = frame.metric.astype(object) if "metric" in frame else pd.Series(None, index=frame.index, dtype=object)
    for metric in (CLASSIFICATION, REGRESSION):
        columns = [name for split in ("train", "val", "test") if (name := f"{split}_{metric}") in frame]
        known = known.mask(known.isna() & frame[columns].notna().any(axis=1), metric)
    found = known.dropna().unique()
    return known.fillna(found[0] if len(found) == 1 else REGRESSION)


def errors_of_outputs(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns of the error of each output on test, by the names of the outputs; none for one output."""
    start = f"test_{REGRESSION}_"
    return {str(name).removeprefix(start): str(name) for name in frame if str(name).startswith(start)}


def measure(frame: pd.DataFrame) -> str:
    """Return what the score of these records is called in tables and figures.

    A metric that neither the records nor `MEASURES` name is called by its own name.
    """
    of_row = metrics(frame)
    names = dict(MEASURES)
    if "measure" in frame:
        named = frame.measure.notna()
        names |= dict(zip(of_row[named], frame.measure[named], strict=True))
    return ", ".join(dict.fromkeys(names.get(metric, f"{metric} on test") for metric in of_row.unique()))


def is_of_solutions(frame: pd.DataFrame) -> bool:
    """Return True for records of differential equations alone, which are trained on residuals and tested on u."""
    return measure(frame) == OF_SOLUTIONS


def trivial(frame: pd.DataFrame, article: str = "a") -> str:
    """Return the predictor whose score is 1, as which failed members count."""
    return "u = 0" if is_of_solutions(frame) else f"{article} constant predictor"
