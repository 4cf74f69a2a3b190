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
# # Bring your own: a model, a basis, a suite, a table
#
# Each step asks a question, answers it with a few lines, and says the result in a sentence. Everything is written to a
# temporary folder. Budgets and seeds are small, so that the whole guide takes about a minute: its answers are sketches, and
# under six tasks there is no test.

# %%
# %matplotlib inline
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GridSearchCV
from torch import nn

import kanbench as kb
from kanbench.analysis import load_records
from kanbench.bases import load_basis
from kanbench.report.result import Result
from kanbench.training import LevenbergMarquardt

os.chdir(tempfile.mkdtemp())
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where kanbench is
quick = {
    "budgets": (60, 120),
    "seeds": 2,
    "optimizer": LevenbergMarquardt(steps=40),
    "train": 300,
    "validation": 300,
    "test": 1000,
    "workers": 1,  # trains in this process: for a few small cells, faster than to start others
    "progress": False,
}

# %% [markdown]
# ## A module of your own
# **Does it beat a B-spline KAN and an MLP at equal parameters?** A model is a class or a function of widths that returns a torch
# module. It extends nothing and imports nothing of kanbench. This one has Gaussian bumps whose centers are learned.

# %%
source = """
from itertools import pairwise

import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self, n_in, n_out, grid):
        super().__init__()
        self.centers = nn.Parameter(torch.linspace(-1, 1, grid).repeat(n_in, 1))
        self.weight = nn.Parameter(torch.randn(n_in, grid, n_out) / (n_in * grid) ** 0.5)

    def forward(self, x):
        bumps = torch.exp(-4 * (x.unsqueeze(-1) - self.centers) ** 2)
        return torch.einsum("nig,igo->no", bumps, self.weight)


class Bumps(nn.Sequential):
    def __init__(self, widths, grid=5):
        super().__init__(*(Layer(a, b, grid) for a, b in pairwise(widths)))
"""
_ = Path("my_kan.py").write_text(source.lstrip())

# %% [markdown]
# `check` runs the checks that precede every training, and trains nothing.

# %%
# !kanbench check model.target=my_kan.py:Bumps 'data.tasks=[I.12.11]'

# %% [markdown]
# The race. On the command line it is `kanbench model=own model.target=my_kan.py:Bumps experiment=feynman`; from Python it is
# `compare`. The label of a model has six digits of the hash of its source, because a changed file is another method.

# %%
bumps = kb.OwnMethod(target="my_kan.py:Bumps")
equations = ["I.12.11", "I.27.6"]
race = kb.compare(
    [bumps, kb.KANMethod(basis=kb.bases.BSpline()), kb.MLPMethod()], tasks=equations, folder="runs/model", **quick
)
print(race.answer)

# %% [markdown]
# The budgets were met as nearly as a width allows:

# %%
most = race.records.query("method == @bumps.label").params.max()
print(f"{bumps.label} has {most} parameters at most, of a budget of {max(quick['budgets'])}.")
race.records.groupby(["method", "budget"]).params.agg(["min", "max"])

# %% [markdown]
# A method can also be a class or function itself, without a file. Its key follows the code and everything that it uses, so an
# edit makes another method, and an unchanged one is not trained again.


# %%
class Sine(nn.Module):
    def forward(self, x):
        return torch.sin(3 * x)


class Siren(nn.Sequential):
    def __init__(self, widths):
        n_in, width, n_out = widths
        super().__init__(nn.Linear(n_in, width), Sine(), nn.Linear(width, n_out))


# %%
siren = kb.OwnMethod("siren", Siren)
again = kb.compare([siren, bumps, kb.MLPMethod()], tasks=equations, folder="runs/model", **quick)
print(again.answer)

# %% [markdown]
# ## A basis of your own
# **Do half waves of a cosine make a good KAN?** A basis is a frozen dataclass: its fields are its hyperparameters, and `expand`
# is its mathematics. The coefficients belong to the layer, so counting, batching and second-order optimizers work by themselves.

# %%
source = """
from dataclasses import dataclass

import torch
from torch import Tensor

from kanbench.bases import Basis


@dataclass(frozen=True)
class Cosine(Basis):
    terms: int = 8

    @property
    def n_terms(self) -> int:
        return self.terms

    def expand(self, x: Tensor) -> Tensor:
        k = torch.arange(1, self.terms + 1, dtype=x.dtype, device=x.device)
        return torch.cos(torch.pi / 2 * (self.to_unit(x).clamp(-1, 1).unsqueeze(-1) + 1) * k)
"""
_ = Path("my_basis.py").write_text(source.lstrip())
Cosine = load_basis("my_basis.py:Cosine")
x = torch.linspace(-1, 1, 200)
pd.DataFrame(Cosine(terms=4).expand(x).numpy(), index=x.numpy()).plot(
    title="the first four functions", figsize=(6, 2.5)
)

# %% [markdown]
# Any KAN can use it at once, alone or in a race. `kanbench experiment=feynman basis=own basis.target=my_basis.py:Cosine` is the
# same on the command line, and `kanbench check` with these words checks the basis.

# %%
kb.KAN([2, 5, 1], Cosine())

# %%
cosine = kb.KANMethod(basis=Cosine())
bases = kb.compare(
    [cosine, kb.KANMethod(basis=kb.bases.Chebyshev()), kb.MLPMethod()], tasks=equations, folder="runs/basis", **quick
)
print(bases.answer)

# %% [markdown]
# ## A suite of your own, and a formula
# **What about the functions of my field?** A suite is a YAML file. Its formulas are parsed, not executed.

# %%
suite = """
title: "The pendulum"
source: "series of the elliptic integral; energy"
tasks:
  - name: period
    formula: "2*pi*sqrt(l/9.81)*(1 + a**2/16)"
    variables: {l: [0.1, 2], a: [0, 1.5]}
  - name: energy
    formula: "m*9.81*l*(1 - cos(a))"
    variables: {m: [0.1, 1], l: [0.1, 2], a: [0, 1.5]}
"""
_ = Path("pendulum.yaml").write_text(suite.lstrip())

# %%
# !kanbench list pendulum.yaml

# %%
pair = [cosine, kb.MLPMethod()]
pendulum = kb.compare(pair, tasks="pendulum.yaml", folder="runs/suite", **quick)
print(pendulum.answer)
pendulum.plot("tasks")

# %% [markdown]
# One formula needs no file:

# %%
ripple = kb.FormulaTask("ripple", "sin(3*x)*exp(-y**2)", (kb.Variable("x", -1, 1), kb.Variable("y", 0, 2)))
print(kb.compare(pair, tasks=ripple, folder="runs/formula", **quick).answer)

# %% [markdown]
# ## A table of your own, with two targets
# **Which network fits my measurements?** The seed deals the rows to the splits: shares in place of numbers of rows. One network
# predicts both targets, and every target has its own error.

# %%
random = np.random.default_rng(0)
angle, load = random.uniform(-1, 1, (2, 400))
table = pd.DataFrame(
    {"angle": angle, "load": load, "lift": np.sin(3 * angle) * load, "drag": np.exp(-(angle**2)) + load**2}
)
table.to_csv("wing.csv", index=False)

# %%
shares = quick | {"train": 0.6, "validation": 0.2, "test": 0.2}
networks = [kb.KANMethod(basis=kb.bases.Taylor()), kb.MLPMethod()]
wing = kb.compare(networks, tasks=pd.read_csv("wing.csv"), target=["lift", "drag"], folder="runs/table", **shares)
targets = ["test_rel_l2_lift", "test_rel_l2_drag"]
errors = wing.records.groupby(["budget", "method"])[targets].median()
largest = max(quick["budgets"])
better = errors.loc[largest].idxmin()
print(wing.answer)
print(f"At {largest} parameters {better.iloc[0]} has the lower error of lift, and {better.iloc[1]} that of drag.")
errors.round(5)

# %% [markdown]
# ## In scikit-learn
# **Which basis does cross-validation choose?** `KANRegressor` is an estimator like any other. Scaling and early stopping are
# inside.

# %%
search = GridSearchCV(
    kb.KANRegressor(random_state=0, max_iter=30), {"network": ["kan", "mlp"], "hidden_layer_sizes": [3, 6]}, cv=3
)
search.fit(table[["angle", "load"]], table["lift"])
chosen = search.best_params_
print(f"Best: {chosen['network']} of width {chosen['hidden_layer_sizes']}, R^2 {search.best_score_:.5f}.")

# %% [markdown]
# ## Figures for a paper
# **How does the race look in a column of 3.4 inches?** Methods are chosen, ordered and renamed. The same on the command line is
# `kanbench tables FOLDER --out paper --methods "A,B=NAME" --format pdf --width 3.4`.

# %%
few = race.choose([bumps.label, "MLP tanh"], names={bumps.label: "learned bumps", "MLP tanh": "MLP"})
few.plot("loss_vs_parameters", width=3.4).savefig("loss.pdf")
few.tables("paper", formats=["pdf"], width=3.4)
print(len(list(Path("paper").rglob("*.pdf"))), "figures and", len(list(Path("paper").rglob("*.tex"))), "LaTeX tables")
few.plot("loss_vs_parameters", width=3.4)

# %% [markdown]
# ## Validate and merge
# **Can somebody else trust and use these records?** `validate` checks the files and trains some members again. An own model takes
# part where its code is given.

# %%
# !kanbench validate runs/model --again 1 --target my_kan.py:Bumps

# %% [markdown]
# Records of several folders are one comparison if their protocols are equal. What two folders share counts once.

# %%
merged = Result.of(load_records(["runs/model", "runs/basis"]), "two folders as one", baseline="MLP tanh")
print(merged.answer)
best = merged.ranking.query("budget == budget.max()").iloc[0]
print(f"Of {len(merged.methods)} methods, {best.method} has the lowest error at {best.budget} parameters.")
merged.plot("loss_vs_parameters")
