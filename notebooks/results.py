# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A searched study, from its records to every figure
#
# Each method tried equally many shapes on every equation, and the one with the lowest median validation error was taken.
# Every row of the table is one trained model; a method is named by its search, and only the chosen shape has a test error.
# `STUDY` may be another table of records, or the folder of a run.

# %%
# %matplotlib inline
import matplotlib as mpl

from kanbench.analysis import load_records
from kanbench.analysis.scores import Primary
from kanbench.report.result import Result

STUDY, BASELINE = "../results/frontier/records.csv.gz", "MLP tanh"
DECLARED = Primary("KAN Taylor", BASELINE, budget=300)  # the comparison that the study declared beforehand; or None
records = load_records(STUDY)
result = Result.of(records, "Nine methods at their best shape", BASELINE, DECLARED)
print(f"{len(records):,} models, {len(result.methods)} methods, {records.task.nunique()} equations")
result.frame[["task", "method", "budget", "shape_label", "shape", "seed", "val_rel_l2", "test_rel_l2"]].head()

# %% [markdown]
# ## The answer
# The answer compares the two methods of the comparison that the study declared beforehand, or else the baseline with its
# best rival, with an interval over equations and seeds. It divides the higher error by the lower one.

# %%
print(result.answer)

# %% [markdown]
# ## Every method against the baseline
# The ratio is the error over that of the baseline: left of the line a method is better. A dot is hollow where the interval
# holds 1.

# %%
result.plot("ratios")

# %%
result.ratios.round(4)

# %% [markdown]
# ## Error against size
# The error is the geometric mean over equations of the median over seeds, with 95 % intervals over seeds.

# %%
result.plot("loss_vs_parameters")

# %% [markdown]
# ## The search
# On how many equations each depth and each size was chosen. Where most choices are at the end of a list, a better shape
# may lie beyond it.

# %%
result.plot("shapes")

# %%
result.shapes.groupby("method").at_edge.agg(["sum", "size"]).rename(columns={"sum": "at an end", "size": "searches"})

# %% [markdown]
# One search in full: every shape with its median validation error, the chosen one first. `outranked` shapes were stopped
# after a short start.

# %%
trials = result.trials
first = trials[(trials.method == BASELINE) & (trials.task == trials.task.iloc[0])]
first[["task", "budget", "shape_label", "shape", "seeds", "error", "place"]].round(9)

# %% [markdown]
# ## Equation by equation
# A mean hides which method wins on which equation. The bars are the ratio of the best KAN to the baseline, sorted.

# %%
result.plot("task_ratios")

# %%
result.plot("heat_map")

# %% [markdown]
# ## Test and training error
# `gap` is the error on test over that on training. `solved` is the share of equations whose median R^2 is above 0.999,
# `at_cap` the share of members that were still improving at their last step.

# %%
shown = [name for name in ("error", "train", "gap", "solved", "at_cap", "stuck") if name in result.ranking]
result.ranking[["budget", "method", *shown]]

# %% [markdown]
# ## Which methods differ
# The units of the tests are equations, not seeds: first a Friedman test, then Wilcoxon tests on medians over seeds, with
# Holm's correction. A bar joins methods among which no pair differs significantly.

# %%
result.plot("critical_difference")

# %%
result.tests.round(4)

# %% [markdown]
# ## Fraction of models below an error
# The curves show the fraction of models below each error. A method whose curve lies above and to the left of another is
# better by every mean.

# %%
result.plot("performance_profile")

# %% [markdown]
# ## Failures
# Models that diverged, or were worse than a constant, are scored as a constant. The table counts them, with Wilson
# intervals.

# %%
result.failures.round(4)

# %% [markdown]
# ## A table for a paper
# LaTeX with booktabs: every method against the baseline.

# %%
print(result.latex("ratios"))

# %% [markdown]
# ## A figure for a paper
# Methods are chosen, ordered and renamed, and the figure is as wide as a column. rcParams that you set come before the
# style of kanbench. `few.tables("paper", formats=["pdf"], width=3.4)` writes every table and figure of this choice.

# %%
few = result.choose([BASELINE, "KAN Taylor", "KAN BSpline"], names={"KAN BSpline": "KAN B-spline"})
mpl.rcParams["font.family"] = "serif"
few.plot("ratios", width=3.4)

# %% [markdown]
# ## A figure for a talk
# A slide of 16:9 with large type. Sizes that you set come before those of kanbench.

# %%
mpl.rcdefaults()
mpl.rcParams["font.size"] = 17
result.plot("ratios", width=13.3, height=7.5)
