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
# # The published study, from its records to every figure
#
# The study compares 15 KANs and 5 MLPs on 27 Feynman equations, at budgets from 50 parameters up, with five seeds and one
# optimizer. Every row of the table is one trained model. `python -m kanbench reproduce methods` trains them all again.

# %%
# %matplotlib inline
import matplotlib as mpl

from kanbench.analysis import load_records
from kanbench.cli.reproduce import read_study, study_files
from kanbench.report.result import Result

study = read_study(study_files()["methods"])
result = Result.of(load_records(study.folder), study.title, study.baseline)
records = result.records
print(f"{len(records):,} models, {records.method.nunique()} methods, {records.task.nunique()} equations")
records.head()

# %% [markdown]
# ## The answer
# The answer compares the baseline with its best rival, at the largest budget at which all methods were trained. The interval
# is from a paired bootstrap over seeds.

# %%
print(result.answer)

# %% [markdown]
# ## Error against size
# The curves show the geometric mean over equations of the median over seeds, with 95 % intervals. Each family has a panel,
# with the best MLP as a thin line.

# %%
result.plot("loss_vs_parameters")

# %% [markdown]
# ## Test and training error
# `gap` is the error on test over that on training. `solved` is the share of equations whose median R^2 is above 0.999, and
# `stuck` the share of members that end above half the error of a constant predictor.

# %%
result.ranking.groupby("budget").head(6)[["budget", "method", "error", "train", "gap", "solved", "stuck"]].round(6)

# %% [markdown]
# ## The table
# Methods are ranked by the interquartile mean at each budget. `error` is the geometric mean over equations, and `mean_rank`
# the mean rank over equations.

# %%
result.ranking.groupby("budget").head(6).round(6)

# %% [markdown]
# ## Which methods differ
# The units of the tests are equations, not seeds: first a Friedman test, then Wilcoxon tests on medians over seeds, with
# Holm's correction. A bar joins methods among which no pair differs significantly.

# %%
largest = max(result.scores)
result.plot("critical_difference")

# %%
result.tests.query("budget == @largest").round(4)

# %% [markdown]
# A small p means that methods differ, but not by how much. The median ratio in the table tells how much.

# %%
scores = result.scores[largest]
print(
    f"Friedman: p = {result.tests_at(largest).p:.1e} over {len(scores.methods)} methods and {len(scores.tasks)} equations"
)

# %% [markdown]
# ## Equation by equation
# A mean hides which method wins on which equation. Each row below is an equation, and each shade is the ratio to the error
# of its best method.

# %%
result.plot("heat_map")

# %%
best = result.ranking.query("budget == @largest and method != @study.baseline").method.head(3)
result.choose([study.baseline, *best]).plot("tasks")

# %% [markdown]
# ## Fraction of models below an error
# The curves show the fraction of models below each error. A method whose curve lies above and to the left of another is better
# by every mean.

# %%
result.plot("performance_profile")

# %% [markdown]
# ## Does error fall as a power of size?
# The table gives local slopes between neighboring sizes, of the errors on test and on training. If there are too few sizes, if
# their range is too short, or if the test error parts from the training error, it gives the reason instead of a number.

# %%
result.slopes.round(3)

# %% [markdown]
# ## Sum or mean
# Errors are paired by basis, equation, budget and seed.

# %%
result.plot("aggregations")

# %% [markdown]
# ## Failures
# Models that diverged, or were worse than a constant, are scored as a constant. The table counts them, with Wilson intervals.

# %%
result.failures.round(4)

# %% [markdown]
# ## The table of a run
# `summary` is the table that `python -m kanbench` prints after a run.

# %%
result.summary.query("budget == @largest").sort_values("error").head(8).round(6)

# %% [markdown]
# ## A figure for a paper
# Methods are chosen, ordered and renamed, and the figure is as wide as a column. rcParams that you set come before the style
# of kanbench. `few.tables("paper", formats=["pdf"], width=3.4)` writes every table and figure of this choice.

# %%
few = result.choose(["MLP tanh", "KAN Taylor", "KAN BSpline"], names={"KAN BSpline": "KAN B-spline"})
mpl.rcParams["font.family"] = "serif"
few.plot("loss_vs_parameters", width=3.4)
