"""Table of stored names: the spellings in keys, records and labels of words that have another name in the code.

Stored spellings never change, so that finished work is found again whatever the code calls things. Configs take the
spelling of the code, and the stored one as a synonym.
"""

import re
from dataclasses import Field
from typing import Any

_ABSENT = "absent"
CLASSES = {"FormulaTask": "Task"}  # name of a class: its name in keys
WORDS = {"initialization": "initialisation"}  # name of a field or a choice: its name in keys, labels and columns

_OLD = re.compile(r"\b(" + "|".join(WORDS.values()) + r")\b")
_NEW = {stored: word for word, stored in WORDS.items()}


def absent_as(value: Any) -> dict[str, Any]:
    """Return the metadata of a field that older keys lack. They stand for `value`, which stays out of new ones too.

    The default of such a field may change: what an older key stands for does not.
    """
    return {_ABSENT: value}


def is_absent(field: Field[Any], value: Any) -> bool:
    """Return True where keys leave the field of a described dataclass out."""
    return _ABSENT in field.metadata and bool(value == field.metadata[_ABSENT])


def absent_values(fields: tuple[Field[Any], ...]) -> dict[str, Any]:
    """Return what a key stands for that has none of the younger ones of these fields."""
    return {each.name: each.metadata[_ABSENT] for each in fields if _ABSENT in each.metadata}


def stored_name(kind: type) -> str:
    """Return the stored name of a class."""
    return CLASSES.get(kind.__name__, kind.__name__)


def stored_word(word: str) -> str:
    """Return the stored name of a field or a choice."""
    return WORDS.get(word, word)


def current_word(word: str) -> str:
    """Return the name of a field or a choice in the code, the inverse of `stored_word`."""
    return _NEW.get(word, word)


def current_words(text: str) -> str:
    """Return a text, such as key=value, with every stored word replaced by that of the code."""
    return _OLD.sub(lambda found: _NEW[found[0]], text)
