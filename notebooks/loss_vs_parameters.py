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
# # How to read a loss-vs-parameters curve, and how to draw your own
#
# A run of kanbench leaves one record per cell (method x task x budget) below `results/runs/<name>/cells`. Here we make a
# small one, read it, and change what the figure shows. In a terminal the run is
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
# A cell says everything that its numbers depend on. `run_cell` trains all of its seeds at once and grades them once on test.

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
# `params` is counted on the built model; `budget_miss` says how far the nearest width is from the budget. `test_rel_l2` is
# ||prediction - y|| / ||y - mean||, so 1 is as bad as a constant, and `score` is the same with failures put at 1.

# %%
records = load_records(store.folder.parent)
records[["task", "method", "budget", "params", "budget_miss", "seed", "val_rel_l2", "test_rel_l2", "status"]].head(8)

# %% [markdown]
# ## One row per budget and method
# `error` is the geometric mean over tasks of the median over seeds; `error_low` and `error_high` are its 95 % bootstrap
# interval over seeds. They say how much the number would move with other seeds, not with other tasks.

# %%
table = summarize(records, baseline="MLP tanh")
table[["budget", "method", "params", "error", "error_low", "error_high", "win", "tie", "loss"]].round(6)

# %%
loss_vs_parameters(table, records, "Three equations")

# %% [markdown]
# ## Your own figure
# The frame is tidy, so seaborn takes it as it is. On log axes a constant distance is a constant factor. Look at single
# tasks before you believe a mean.

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
# Overfitting is the distance between the error on test and that on train:

# %%
gap = records.assign(gap=records.test_rel_l2 / records.train_rel_l2)
gap.pivot_table(values="gap", index="budget", columns=["task", "method"], aggfunc="median").round(2)
