"""The simple methods that every published table holds: the references, and MLPs of one to three hidden layers."""

import pandas as pd

from kanbench.analysis.kinds import CLASSIFICATION, MLP, families, is_of_solutions, metrics

REFERENCES = ("constant", "linear", "cubic ridge")
OF_EQUATIONS = ("finite differences", "spectral collocation")
OF_CLASSES = ("class prior", "logistic")
DEPTHS = (1, 2, 3)
STUDY = "study.yaml"  # the file that makes a folder a published study


def missing_baselines(frame: pd.DataFrame) -> list[str]:
    """Return the names of the references, and the depths of MLPs, that a table of records does not hold."""
    wanted = OF_CLASSES if (metrics(frame) == CLASSIFICATION).all() else REFERENCES
    wanted = OF_EQUATIONS if is_of_solutions(frame) else wanted
    references = set(frame.method[frame.budget.isna()])
    depths = set(frame.depth[(families(frame) == MLP) & frame.budget.notna()].dropna())
    absent = [name for name in wanted if name not in references]
    return absent + [f"an MLP of depth {depth}" for depth in DEPTHS if depth not in depths]


def say_missing(frame: pd.DataFrame) -> str:
    """Return the sentence about what a published table lacks, or ""."""
    absent = missing_baselines(frame)
    if not absent:
        return ""
    return f"a published table holds references and MLPs of depths 1 to 3; this one lacks {', '.join(absent)}"
