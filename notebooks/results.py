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
# 27 Feynman equations, 15 KANs and 5 MLPs, budgets from 50 parameters up, five seeds, one optimizer. Every row of the
# table is one trained model. `python -m kanbench reproduce methods` trains them all again.

# %%
# %matplotlib inline
from kanbench.analysis import answers, load_records, say, summarize
from kanbench.analysis.comparisons import aggregations, compare_methods, exponents, failures, pair_tests, ranking
from kanbench.analysis.scores import scores_by_budget
from kanbench.cli.reproduce import read_study, study_files
from kanbench.report.figures.charts import critical_difference, exponent_chart, heat_map, sum_against
from kanbench.report.figures.costs import best_mlp, loss_vs_cost, profile
from kanbench.report.figures.curves import small_multiples

study = read_study(study_files()["methods"])
records = load_records(study.folder)
print(f"{len(records):,} models, {records.method.nunique()} methods, {records.task.nunique()} equations")
records.head()

# %% [markdown]
# ## The answer
# The baseline against its best rival, at the largest budget at which all methods were trained, and with an interval that
# a paired bootstrap over seeds gives.

# %%
print(say(answers(records, study.baseline)))

# %% [markdown]
# ## Error against size
# Geometric mean over equations of the median over seeds, with 95 % intervals: one panel per family, and in each panel
# the best MLP as a thin line.

# %%
ranked = ranking(records)
best = best_mlp(ranked, records)
loss_vs_cost(ranked, records, "params", study.title, best)

# %% [markdown]
# The same against FLOPs of one forward pass, and against seconds of training on one core. FLOPs are those of matrix products: the
# recurrences of a basis count nothing there, but they do take seconds.

# %%
loss_vs_cost(ranked, records, "flops", study.title, best)

# %%
loss_vs_cost(ranked, records, "seconds", study.title, best)

# %% [markdown]
# ## The table
# Ranked by the interquartile mean at each budget; `error` is the geometric mean, `mean_rank` is over equations.

# %%
ranked.groupby("budget").head(6).round(6)

# %% [markdown]
# ## Who is different from whom
# Equations are the units, seeds are not: Friedman first, then Wilcoxon on medians over seeds, corrected by Holm. Bars tie
# methods among which no pair was found to differ.

# %%
scores = scores_by_budget(records)
largest = max(scores)
critical_difference(scores[largest], records, f"{study.title}, {largest} parameters")

# %%
pair_tests(records, study.baseline).query("budget == @largest").round(4)

# %% [markdown]
# A test with a small p says that methods differ, and nothing about how much. The median ratio does.

# %%
compared = compare_methods(scores[largest], study.baseline)
print(
    f"Friedman: p = {compared.p:.1e} over {len(scores[largest].methods)} methods and {len(scores[largest].tasks)} equations"
)

# %% [markdown]
# ## Equation by equation
# The mean hides both kinds of winner: each row below is an equation, each shade how many times the error of its best method.

# %%
heat_map(scores[largest], f"{study.title}, {largest} parameters")

# %%
few = records[records.method.isin([best, *ranked.query("budget == @largest and method != @best").method.head(3)])]
small_multiples(few, "The best MLP and the three best others")

# %% [markdown]
# ## How often, not how much
# The fraction of runs under each error: a method whose curve is to the left and above is better whatever the mean.

# %%
profile(scores[largest], records, f"{study.title}, {largest} parameters", best)

# %% [markdown]
# ## Does error fall as a power of size?
# A N^-alpha + E, fitted to medians in log space. Where there are too few sizes or too short a range, the reason stands in place
# of the number.

# %%
slopes = exponents(records)
exponent_chart(slopes, records, "Scaling exponents")

# %% [markdown]
# ## Sum or mean
# Paired by basis, equation, budget and seed.

# %%
sum_against(aggregations(records), records, "Other aggregations against sum")

# %% [markdown]
# ## What failed
# Members that diverged or did worse than a constant are scored as the constant, and counted here with a Wilson interval.

# %%
failures(records).round(4)

# %% [markdown]
# ## The run's own table
# What `python -m kanbench` prints after a run is `summarize`.

# %%
summarize(records, study.baseline).query("budget == @largest").sort_values("error").head(8).round(6)
