"""From records to answers. Imports no torch."""

from kanbench.analysis.answer import Answer, answers, say
from kanbench.analysis.load import choose_rates, load_records
from kanbench.analysis.ratio import error_ratio
from kanbench.analysis.scaling import local_slope, slopes
from kanbench.analysis.significance import PairTest, PairTests, Refusal, compare_pairs
from kanbench.analysis.stats import (
    Interval,
    bootstrap,
    expected_best,
    performance_profile,
    task_geometric_mean,
    task_interquartile_mean,
    wilson,
)
from kanbench.analysis.summary import summarize
from kanbench.analysis.wins import WinTieLoss, win_tie_loss

__all__ = [
    "Answer",
    "Interval",
    "PairTest",
    "PairTests",
    "Refusal",
    "WinTieLoss",
    "answers",
    "bootstrap",
    "choose_rates",
    "compare_pairs",
    "error_ratio",
    "expected_best",
    "load_records",
    "local_slope",
    "performance_profile",
    "say",
    "slopes",
    "summarize",
    "task_geometric_mean",
    "task_interquartile_mean",
    "wilson",
    "win_tie_loss",
]
