"""Library of the functions that an edge may become; users can add their own."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from functools import partial
from typing import Any

import sympy
import torch
from torch import Tensor

from kanbench.errors import UnknownName

POLE_MARGIN = 1e-6  # least distance of the inner values from a pole, relative to the farthest of them


class Absorbs(Flag):
    """Changes of the inner value u that another c and d in c f(u) + d make up for, so that they need no search.

    Values:
        sign: u -> -u.
        scale: u -> s u for any s > 0.
        shift: u -> u + s for any s.
    """

    nothing = 0
    sign = auto()
    scale = auto()
    shift = auto()


@dataclass(frozen=True)
class Domain:
    """The set on which a function is defined.

    Attributes:
        rule: the condition in words, for messages.
        holds: a function (low, high) -> bool, elementwise over tensors: whether all of [low, high] is in the domain.
    """

    rule: str
    holds: Callable[[Tensor, Tensor], Tensor]


def _everywhere(low: Tensor, high: Tensor) -> Tensor:
    return torch.ones_like(low, dtype=torch.bool)


def _not_negative(low: Tensor, high: Tensor) -> Tensor:
    return low >= 0.0


def _positive(low: Tensor, high: Tensor) -> Tensor:
    return low > POLE_MARGIN * high


def _not_zero(low: Tensor, high: Tensor) -> Tensor:
    return (low > POLE_MARGIN * high) | (high < POLE_MARGIN * low)


def _between_poles_of_tan(low: Tensor, high: Tensor) -> Tensor:
    margin = POLE_MARGIN * (high - low)
    return ((low - margin) / math.pi + 0.5).floor() == ((high + margin) / math.pi + 0.5).floor()


EVERYWHERE = Domain("any a x + b", _everywhere)
NOT_NEGATIVE = Domain("a x + b >= 0", _not_negative)
POSITIVE = Domain("a x + b > 0", _positive)
NOT_ZERO = Domain("a x + b away from 0", _not_zero)
BETWEEN_POLES = Domain("a x + b between two poles", _between_poles_of_tan)


@dataclass(frozen=True)
class Function:
    """A function of one variable, for tensors (elementwise and differentiable) and for sympy.

    Attributes:
        name: its name in a library.
        torch, sympy: the function of a tensor, and of an expression.
        complexity: its price in `suggest`.
        domain: the set on which it is defined.
        absorbs: the changes that need no search; if left out, the search is wider than necessary.

    Example:
        >>> import sympy, torch
        >>> from kanbench.interpret import LIBRARY, Function
        >>> library = {**LIBRARY, "cosh": Function("cosh", torch.cosh, sympy.cosh, 4)}
    """

    name: str
    torch: Callable[[Tensor], Tensor]
    sympy: Callable[[sympy.Expr], sympy.Expr]
    complexity: int
    domain: Domain = EVERYWHERE
    absorbs: Absorbs = Absorbs.nothing


def _power(u: Any, exponent: Any) -> Any:
    return u**exponent


def _gaussian(u: Tensor) -> Tensor:
    return torch.exp(-u.square())


def _sympy_gaussian(u: sympy.Expr) -> sympy.Expr:
    return sympy.exp(-(u**2))


def _sympy_zero(u: sympy.Expr) -> sympy.Expr:
    return sympy.S.Zero


def power(name: str, exponent: int, complexity: int, domain: Domain = EVERYWHERE) -> Function:
    """Return the function u ** exponent."""
    call = partial(_power, exponent=exponent)
    return Function(name, call, call, complexity, domain, Absorbs.sign | Absorbs.scale)


# Complexities are 1 for a line, 1 more for each inner constant that is not absorbed, and more for functions that are
# rarer in formulas. Liu et al. 2024 (arXiv:2408.10205), section 4.3, leaves them to the user as well.
ZERO = Function("0", torch.zeros_like, _sympy_zero, 0, absorbs=Absorbs.sign | Absorbs.scale | Absorbs.shift)
IDENTITY = Function(
    "x",
    partial(_power, exponent=1),
    partial(_power, exponent=1),
    1,
    absorbs=Absorbs.sign | Absorbs.scale | Absorbs.shift,
)
LIBRARY: dict[str, Function] = {
    function.name: function
    for function in (
        ZERO,
        IDENTITY,
        power("x^2", 2, 2),
        power("x^3", 3, 3),
        power("x^4", 4, 4),
        power("1/x", -1, 3, NOT_ZERO),
        power("1/x^2", -2, 4, NOT_ZERO),
        Function("sqrt", torch.sqrt, sympy.sqrt, 3, NOT_NEGATIVE, Absorbs.scale),
        Function("1/sqrt", torch.rsqrt, partial(_power, exponent=-sympy.S.Half), 4, POSITIVE, Absorbs.scale),
        Function("exp", torch.exp, sympy.exp, 2, absorbs=Absorbs.shift),
        Function("log", torch.log, sympy.log, 3, POSITIVE, Absorbs.scale),
        Function("abs", torch.abs, sympy.Abs, 3, absorbs=Absorbs.sign | Absorbs.scale),
        Function("sin", torch.sin, sympy.sin, 3, absorbs=Absorbs.sign),
        Function("tan", torch.tan, sympy.tan, 4, BETWEEN_POLES, Absorbs.sign),
        Function("tanh", torch.tanh, sympy.tanh, 4, absorbs=Absorbs.sign),
        Function("arctan", torch.arctan, sympy.atan, 4, absorbs=Absorbs.sign),
        Function("gaussian", _gaussian, _sympy_gaussian, 4, absorbs=Absorbs.sign),
    )
}


def select(names: Iterable[str], library: Mapping[str, Function] = LIBRARY) -> dict[str, Function]:
    """Return the part of a library with these names; raises `UnknownName` with the nearest ones."""
    names = list(names)
    for name in names:
        if name not in library:
            raise UnknownName("library function", name, library)
    return {name: library[name] for name in names}
