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
# # Reading a loss-vs-parameters curve, and drawing your own
#
# A run of kanbench writes one record per cell (method x task x budget) below `results/runs/<name>/cells`. This notebook
# makes a small run, reads its records, and draws another figure from them. In a terminal a small run is
#
#     python -m kanbench experiment=smoke

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns

from kanbench.analysis import load_records, summarize
from kanbench.cells import Cell, Precision, run_cell
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod
from kanbench.report.figures.curves import loss_vs_parameters
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

# %% [markdown]
# ## A run by hand
# A cell contains everything that its numbers depend on. `run_cell` trains all of its seeds at once and evaluates them once
# on the test split.

# %%
store = RecordStore(Path(tempfile.mkdtemp()) / "cells")
store.prepare()
tasks = [load_suite("feynman").task(name) for name in ("I.12.11", "I.27.6", "I.50.26")]
for task in tasks:
    for budget in (50, 100, 150):
        for method in (KANMethod(), MLPMethod()):
            cell = Cell(
                "notebook",
                "feynman",
                task,
                method,
                budget,
                (0, 1, 2),
                LevenbergMarquardt(steps=40),
                SplitSizes(train=300, validation=300, test=1000),
                Precision.double,
            )
            store.write(run_cell(cell))

# %% [markdown]
# ## One row per model
# `params` is counted on the built model, and `budget_miss` is its relative distance from the budget. `test_rel_l2` is
# ||prediction - y|| / ||y - mean||, so 1 is as bad as a constant. `score` is the same, with 1 for failures.

# %%
records = load_records(store.folder.parent)
records[["task", "method", "budget", "params", "budget_miss", "seed", "val_rel_l2", "test_rel_l2", "status"]].head(8)

# %% [markdown]
# ## One row per budget and method
# `error` is the geometric mean over tasks of the median over seeds; `error_low` and `error_high` are its 95 % bootstrap
# interval over seeds. It tells how much the number would change with other seeds, not with other tasks.

# %%
table = summarize(records, baseline="MLP tanh")
table[["budget", "method", "params", "error", "error_low", "error_high", "win", "tie", "loss"]].round(6)

# %%
loss_vs_parameters(table, records, "Three equations")

# %% [markdown]
# ## Your own figure
# The frame is tidy, so seaborn can plot it directly. On log axes a constant distance is a constant factor. Look at single
# tasks before you trust a mean.

# %%
axes = sns.relplot(
    records,
    x="params",
    y="score",
    hue="method",
    style="method",
    col="task",
    kind="line",
    estimator="median",
    errorbar=("pi", 100),
    markers=True,
    height=3,
    aspect=0.9,
)
axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel="relative L2 on test")
plt.show()

# %% [markdown]
# Overfitting shows as a ratio above 1 of the test error to the training error:

# %%
gap = records.assign(gap=records.test_rel_l2 / records.train_rel_l2)
gap.pivot_table(values="gap", index="budget", columns=["task", "method"], aggfunc="median").round(2)
