"""One-sentence errors that say what was wrong, where, and what is allowed; and the checks that raise them."""

import difflib
import math
import re
import reprlib
from collections.abc import Iterable
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypeVar

SHOWN = 60  # characters of a value in a message
LISTED = 50  # known names in a message
LONGEST = 100  # characters of a name; file systems allow 255 bytes, and endings are added
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_short = reprlib.Repr()
_short.maxlevel = 2


class UnknownName(ValueError):
    """Error for a name that is not in a list; the message suggests the nearest ones.

    Args:
        kind: the noun for such a name in the message, for example "basis".
        name: the name that was given.
        known: the names that are allowed.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(name[:LONGEST], known, n=3, cutoff=0.4)
        more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known[:LISTED])}{more}"
        super().__init__(f"unknown {kind} {shown(name)}; {hint}")


def require_name(what: str, name: str) -> None:
    """Raise `ValueError` unless a name can serve as the name of a file: one with a slash or a leading dot cannot."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise ValueError(
            f"{what} must be letters, digits, '.', '_' and '-', not begin with '.', and have at most {LONGEST} of "
            f"them, because it may name a file or folder, got {shown(name)}"
        )


def shown(value: object) -> str:
    """Return a value as a message quotes it, shortened if it is long."""
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}...")
    text = _short.repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def installs(extra: str) -> str:
    """Return the command that adds the packages of an extra to an installed kanbench, from a checkout or a wheel."""
    return f"pip install 'kanbench[{extra}]'"


def duration(seconds: float) -> str:
    """Return a duration in words: 1 h 05 min, 12 min, 40 s, or 0.35 s."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 100 else f"{minutes} min"


def counted(n: int, noun: str) -> str:
    """Return a number with its noun: 1 task, 2 tasks, 1,080 tasks."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def are(n: int) -> str:
    """Return the verb that goes with n things."""
    return "is" if n == 1 else "are"


Choice = TypeVar("Choice", bound=StrEnum)


def require(condition: bool, field: str, rule: str, value: object) -> None:
    """Raise ``ValueError("<field> <rule>, got <value>")`` unless the condition holds."""
    if not condition:
        raise ValueError(f"{field} {rule}, got {value!r}")


def require_finite(settings: Any) -> None:
    """Raise `ValueError` for the first float field of a dataclass that is NaN or infinite."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        require(not isinstance(value, float) or math.isfinite(value), field.name, "must be finite", value)


def chosen(kind: type[Choice], field: str, value: str) -> Choice:
    """Return the member of an enumeration that a value is or names.

    Args:
        kind: the enumeration.
        field: the name of the field in the message.
        value: a member of `kind`, or the name of one.

    Raises:
        ValueError: "<field> must be <one of them>, got ..".
    """
    require(value in list(kind), field, f"must be {' or '.join(kind)}", value)
    return kind(value)


def take_choices(settings: Any) -> None:
    """Replace every choice that a frozen dataclass holds by name with the member of its enumeration."""
    for field in fields(settings):
        if isinstance(field.default, StrEnum):
            choice = chosen(type(field.default), field.name, getattr(settings, field.name))
            object.__setattr__(settings, field.name, choice)


class UsageError(ValueError):
    """Error for words on the command line that cannot be run."""


class ConfigError(ValueError):
    """Error for a config that cannot be run; one sentence with the config path and what is allowed."""
