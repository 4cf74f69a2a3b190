"""Names: which ones may become a file or a folder, and how a message shows one that somebody else wrote."""

import difflib
import re
import reprlib
from collections.abc import Iterable

SHOWN = 60  # letters of a text in a message
LISTED = 50  # known names in a message
LONGEST = 100  # letters of a name: file systems allow 255 bytes, and ours get endings
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_short = reprlib.Repr()
_short.maxlevel = 2


class UnknownName(ValueError):
    """A name that is not in a list; the message suggests the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(name[:LONGEST], known, n=3, cutoff=0.4)
        more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known[:LISTED])}{more}"
        super().__init__(f"unknown {kind} {shown(name)}; {hint}")


def require_name(what: str, name: str) -> None:
    """Raise `ValueError` for a name that is no plain name of a file: for one with a slash, or beginning with a dot."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise ValueError(
            f"{what} must be letters, digits, '.', '_' and '-', not begin with '.', and have at most {LONGEST} of "
            f"them, because it may name a file or folder, got {shown(name)}"
        )


def shown(value: object) -> str:
    """A value as a message quotes it, cut if it is long."""
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}...")
    text = _short.repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
