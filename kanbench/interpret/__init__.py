"""What a network has learned: its edges on samples, what matters, a smaller network, a picture."""

from kanbench.interpret.attribution import Attribution, attribute
from kanbench.interpret.draw import draw
from kanbench.interpret.edges import edge_norms, norm_entropy, sparsity
from kanbench.interpret.prune import prune, without_edges, without_nodes
from kanbench.interpret.statistics import LayerStatistics, layer_statistics

__all__ = [
    "Attribution",
    "LayerStatistics",
    "attribute",
    "draw",
    "edge_norms",
    "layer_statistics",
    "norm_entropy",
    "prune",
    "sparsity",
    "without_edges",
    "without_nodes",
]
