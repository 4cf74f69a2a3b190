"""Names and units of inputs and outputs, which a file holds beside the tensors of a network."""

from dataclasses import dataclass

Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Names:
    """The names of the inputs of a network, and of its outputs or classes; () where nobody said them."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


NAMELESS = Names()


@dataclass(frozen=True)
class Units:
    """The units in which somebody uses a network: (center, spread) of each input and of each output.

    The network sees (x - center) / spread, kept within `limits` where there are some, and predicts
    output * spread + center. A classifier has `classes` in place of units of its outputs. `is_flat` says that a single
    output is predicted as (n,) and not as (n, 1).
    """

    inputs: Pairs
    outputs: Pairs = ()
    limits: tuple[float, float] | None = None
    classes: tuple[str | int | float | bool, ...] = ()
    is_flat: bool = True
