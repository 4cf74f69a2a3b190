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
# # Your own basis in ten lines, compared with others
#
# A basis is a frozen dataclass: its fields are its hyperparameters, and `expand` is its mathematics. The coefficients belong to
# the layer, so counting, batching and second-order optimizers work without further code.

# %%
# %matplotlib inline
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from kanbench import KAN
from kanbench.analysis import answers, say, summarize
from kanbench.analysis.load import load_records
from kanbench.bases import Basis, BSpline, Chebyshev
from kanbench.cells import Cell, Precision, run_cell
from kanbench.data import SplitSizes, load_suite
from kanbench.methods import KANMethod, MLPMethod
from kanbench.report.figures.curves import loss_vs_parameters
from kanbench.store.record import RecordStore
from kanbench.training import LevenbergMarquardt

# %% [markdown]
# ## Ten lines
# The functions are half waves of a cosine. Together with a constant they are a complete family on [-1, 1], and each is flat at
# both ends.


# %%
@dataclass(frozen=True)
class Cosine(Basis):
    terms: int = 8

    @property
    def n_terms(self) -> int:
        return self.terms

    def expand(self, x: Tensor) -> Tensor:
        k = torch.arange(1, self.terms + 1, dtype=x.dtype, device=x.device)
        return torch.cos(torch.pi / 2 * (self.to_unit(x).clamp(-1, 1).unsqueeze(-1) + 1) * k)


# %%
x = torch.linspace(-1, 1, 200)
pd.DataFrame(Cosine(terms=4).expand(x).numpy(), index=x.numpy()).plot(
    title="the first four functions", figsize=(6, 2.5)
)

# %% [markdown]
# Any KAN can use it at once:

# %%
KAN([2, 5, 1], Cosine())

# %% [markdown]
# ## The comparison
# All methods have the same budgets, seeds, data and optimizer, and the width of each is solved from the budget. To use the basis
# on the command line (`basis=cosine`), put it into a file of its own and add a YAML: README, "Add a basis".

# %%
store = RecordStore(Path(tempfile.mkdtemp()) / "cells")
store.prepare()
tasks = [load_suite("feynman").task(name) for name in ("I.6.2", "I.27.6", "I.50.26")]
methods = [KANMethod(basis=Cosine()), KANMethod(basis=Chebyshev()), KANMethod(basis=BSpline()), MLPMethod()]
for task in tasks:
    for budget in (70, 140):
        for method in methods:
            cell = Cell(
                "race",
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

# %%
records = load_records(store.folder.parent)
print(say(answers(records, baseline="KAN Cosine")))
loss_vs_parameters(summarize(records, baseline="KAN Cosine"), records, "Cosine and the others on three equations")

# %% [markdown]
# Three equations and three seeds make a sketch, not a study. With fewer than six tasks there is no test, and the answer above
# has only an interval over seeds. A study uses all tasks: `data.tasks=["*"]`.
