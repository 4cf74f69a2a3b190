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
from kanbench.analysis import answers, load_records, say, summarize
from kanbench.analysis.comparisons import (
    aggregations,
    best_mlp,
    compare_methods,
    exponents,
    failures,
    pair_tests,
    ranking,
)
from kanbench.analysis.scores import scores_by_budget
from kanbench.cli.reproduce import read_study, study_files
from kanbench.report.figures.charts import critical_difference, exponent_chart, heat_map, sum_against
from kanbench.report.figures.costs import loss_vs_cost, profile
from kanbench.report.figures.curves import small_multiples

study = read_study(study_files()["methods"])
records = load_records(study.folder)
print(f"{len(records):,} models, {records.method.nunique()} methods, {records.task.nunique()} equations")
records.head()

# %% [markdown]
# ## The answer
# The answer compares the baseline with its best rival, at the largest budget at which all methods were trained. The interval
# is from a paired bootstrap over seeds.

# %%
print(say(answers(records, study.baseline)))

# %% [markdown]
# ## Error against size
# The curves show the geometric mean over equations of the median over seeds, with 95 % intervals. Each family has a panel,
# with the best MLP as a thin line.

# %%
ranked = ranking(records)
best = best_mlp(ranked, records)
loss_vs_cost(ranked, records, "params", study.title, best)

# %% [markdown]
# The next figures show the same errors against the FLOPs of one forward pass, and against seconds of training on one core.
# FLOPs are those of matrix products, so the recurrences of a basis are not counted, although they take time.

# %%
loss_vs_cost(ranked, records, "flops", study.title, best)

# %%
loss_vs_cost(ranked, records, "seconds", study.title, best)

# %% [markdown]
# ## The table
# Methods are ranked by the interquartile mean at each budget. `error` is the geometric mean over equations, and `mean_rank`
# the mean rank over equations.

# %%
ranked.groupby("budget").head(6).round(6)

# %% [markdown]
# ## Which methods differ
# The units of the tests are equations, not seeds: first a Friedman test, then Wilcoxon tests on medians over seeds, with
# Holm's correction. A bar joins methods among which no pair differs significantly.

# %%
scores = scores_by_budget(records)
largest = max(scores)
critical_difference(scores[largest], records, f"{study.title}, {largest} parameters")

# %%
pair_tests(records, study.baseline).query("budget == @largest").round(4)

# %% [markdown]
# A small p means that methods differ, but not by how much. The median ratio in the table tells how much.

# %%
compared = compare_methods(scores[largest], study.baseline)
print(
    f"Friedman: p = {compared.p:.1e} over {len(scores[largest].methods)} methods and {len(scores[largest].tasks)} equations"
)

# %% [markdown]
# ## Equation by equation
# A mean hides which method wins on which equation. Each row below is an equation, and each shade is the ratio to the error
# of its best method.

# %%
heat_map(scores[largest], f"{study.title}, {largest} parameters")

# %%
few = records[records.method.isin([best, *ranked.query("budget == @largest and method != @best").method.head(3)])]
small_multiples(few, "The best MLP and the three best others")

# %% [markdown]
# ## Fraction of models below an error
# The curves show the fraction of models below each error. A method whose curve lies above and to the left of another is better
# by every mean.

# %%
profile(scores[largest], records, f"{study.title}, {largest} parameters", best)

# %% [markdown]
# ## Does error fall as a power of size?
# The law A N^-alpha + E is fitted to medians in log space. If there are too few sizes, or their range is too short, the figure
# gives the reason instead of a number.

# %%
slopes = exponents(records)
exponent_chart(slopes, records, "Scaling exponents")

# %% [markdown]
# ## Sum or mean
# Errors are paired by basis, equation, budget and seed.

# %%
sum_against(aggregations(records), records, "Other aggregations against sum")

# %% [markdown]
# ## Failures
# Models that diverged, or were worse than a constant, are scored as a constant. The table counts them, with Wilson intervals.

# %%
failures(records).round(4)

# %% [markdown]
# ## The table of a run
# `summarize` computes the table that `python -m kanbench` prints after a run.

# %%
summarize(records, study.baseline).query("budget == @largest").sort_values("error").head(8).round(6)
