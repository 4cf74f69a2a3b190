"""Tools that read a trained network: edges on samples, attributions, pruning, pictures, and formulas."""

from kanbench.interpret.attribution import Attribution, attribute
from kanbench.interpret.choices import Choice, Choices
from kanbench.interpret.drawing import draw
from kanbench.interpret.expression import formula, formulas
from kanbench.interpret.fit import Fit, fit_edge, suggest
from kanbench.interpret.library import LIBRARY, Absorbs, Domain, Function, select
from kanbench.interpret.pruning import prune, without_edges, without_nodes
from kanbench.interpret.recovery import Ladder, Recovered, recover
from kanbench.interpret.same import Sameness, same_function
from kanbench.interpret.statistics import LayerStatistics, layer_statistics, median_statistics
from kanbench.interpret.symbolic import SymbolicLayer, SymbolicNetwork, snap, snap_network
from kanbench.interpret.tidying import tidy
from kanbench.interpret.values import evaluate
from kanbench.models.edges import edge_norms, norm_entropy, sparsity

__all__ = [
    "LIBRARY",
    "Absorbs",
    "Attribution",
    "Choice",
    "Choices",
    "Domain",
    "Fit",
    "Function",
    "Ladder",
    "LayerStatistics",
    "Recovered",
    "Sameness",
    "SymbolicLayer",
    "SymbolicNetwork",
    "attribute",
    "draw",
    "edge_norms",
    "evaluate",
    "fit_edge",
    "formula",
    "formulas",
    "layer_statistics",
    "median_statistics",
    "norm_entropy",
    "prune",
    "recover",
    "same_function",
    "select",
    "snap",
    "snap_network",
    "sparsity",
    "suggest",
    "tidy",
    "without_edges",
    "without_nodes",
]
