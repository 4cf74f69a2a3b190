"""Layout of the picture of a network. All lengths are in inches, from the lower left corner."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LARGEST, SMALLEST = 0.56, 0.24  # sides of a card; a layer whose cards would be smaller takes two rows
NARROWEST, WIDEST = 2.6, 12.0  # widths of the picture
GAP = 0.22  # share of the distance between cards; the lines of one row pass through the gaps of another
CAPTION = 0.2, 0.45  # height of the strip for a function's name: in inches, and its largest share of the card
BETWEEN_ROWS = 0.08


@dataclass(frozen=True)
class Card:
    """The inset of one edge, from node `source` to node `target`."""

    source: int
    target: int
    centre: float
    bottom: float


@dataclass(frozen=True)
class Storey:
    """A layer of edges: source nodes at the bottom, cards between shelf and ceiling, target nodes at the top.

    All cards are squares of one side, under captions of one height, which may be 0.
    """

    cards: tuple[Card, ...]
    side: float
    caption: float
    bottom: float
    shelf: float
    ceiling: float
    top: float

    @property
    def height(self) -> float:
        """Height of a card, caption included."""
        return self.side + self.caption


@dataclass(frozen=True)
class Layout:
    """The places of everything in a picture.

    Attributes:
        width: the width of the picture.
        nodes: the horizontal places of the nodes of every layer, inputs first.
        storeys: the layers of edges, from the inputs upwards.
    """

    width: float
    nodes: tuple[tuple[float, ...], ...]
    storeys: tuple[Storey, ...]

    @property
    def height(self) -> float:
        return self.storeys[-1].top


def lay_out(active: Sequence[np.ndarray], captioned: Sequence[bool]) -> Layout:
    """Lay out the layers of a network.

    The cards of a layer are sorted by target, and each node stands over the middle of its own cards, because a node is
    the sum of what is below it.

    Args:
        active: a mask of the existing edges for each layer: bool (n_in, n_out).
        captioned: whether a layer leaves room for captions, for each layer.
    """
    # A node without edges takes up a place as well.
    slots = [np.maximum(edges.sum(axis=0), 1).sum() for edges in active]
    width = float(np.clip(max(slots) * LARGEST / (1 - GAP), NARROWEST, WIDEST))
    n_inputs = len(active[0])
    nodes = [tuple((i + 0.5) * width / n_inputs for i in range(n_inputs))]
    storeys: list[Storey] = []
    for edges, has_caption in zip(active, captioned, strict=True):
        bottom = storeys[-1].top if storeys else 0.0
        storey, targets = _storey(edges, has_caption, width, bottom, nodes[-1])
        storeys.append(storey)
        nodes.append(targets)
    return Layout(width, tuple(nodes), tuple(storeys))


def _storey(
    edges: np.ndarray, has_caption: bool, width: float, bottom: float, sources: Sequence[float]
) -> tuple[Storey, tuple[float, ...]]:
    """Return the storey over the source nodes, and the places of its target nodes."""
    counts = np.maximum(edges.sum(axis=0), 1)
    starts = [0, *np.cumsum(counts).tolist()]
    n_rows = 1 if width / starts[-1] * (1 - GAP) >= SMALLEST else 2
    pitch = width / (starts[-1] + n_rows - 1)
    centres = [(slot + n_rows / 2) * pitch for slot in range(starts[-1])]
    targets = tuple((centres[first] + centres[end - 1]) / 2 for first, end in pairwise(starts))
    ranks = edges.cumsum(axis=0) - 1  # place of an edge among those of its target
    slots = {(i, j): starts[j] + int(ranks[i, j]) for j, i in np.argwhere(edges.T).tolist()}

    side = min(LARGEST, n_rows * pitch * (1 - GAP))
    caption = min(CAPTION[0], CAPTION[1] * side) if has_caption else 0.0
    row = side + caption + BETWEEN_ROWS
    shelf = bottom + _room(abs(centres[slot] - sources[i]) for (i, _), slot in slots.items())
    ceiling = shelf + n_rows * row - BETWEEN_ROWS
    top = ceiling + _room(abs(centres[slot] - targets[j]) for (_, j), slot in slots.items())
    cards = tuple(Card(i, j, centres[slot], shelf + slot % n_rows * row) for (i, j), slot in slots.items())
    return Storey(cards, side, caption, bottom, shelf, ceiling, top), targets


def _room(shifts: Iterable[float]) -> float:
    """Return the height of the space for lines that go sideways by `shifts`."""
    return min(0.25 + 0.14 * max(shifts, default=0.0), 1.1)
