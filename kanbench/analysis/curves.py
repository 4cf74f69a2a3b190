"""Curves: fixed shapes with growing bases, each a method over its numbers of parameters. Imports no torch."""

import pandas as pd


def is_of_curve(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows are of networks whose shape was given."""
    if "curve" not in frame:
        return pd.Series(False, index=frame.index)
    return frame.curve.fillna("").astype(str) != ""


def by_curve(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the records with the sizes of a fixed shape as one method, called by the name of their curve.

    The label of each is in the column `label`. Records without given shapes come back as they are.
    """
    of_curve = is_of_curve(frame)
    if not of_curve.any() or (frame.method == frame.curve)[of_curve].all():
        return frame
    label = frame.label if "label" in frame else frame.method
    return frame.assign(label=label, method=frame.method.mask(of_curve, frame.curve))
