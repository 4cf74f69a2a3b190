"""Numbers for JSON, which has no NaN and no infinity."""

import math
from numbers import Real
from typing import Any


def finite(value: Any) -> Any:
    """Return plain data with None for numbers that are not finite; dicts, lists and tuples are gone through."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, Real) and not (isinstance(value, int) or math.isfinite(value)) else value
