"""The names under which keys, records and labels store what has a better name in the code.

What is stored keeps its spelling, so that finished work is found again whatever the code calls things. Configs take the
spelling of the code, and the stored one as a synonym.
"""

import re

CLASSES = {"FormulaTask": "Task"}  # name of a class: its name in keys
WORDS = {"initialization": "initialisation"}  # name of a field or a choice: its name in keys, labels and columns

_OLD = re.compile(r"\b(" + "|".join(WORDS.values()) + r")\b")
_NEW = {stored: word for word, stored in WORDS.items()}


def stored_name(kind: type) -> str:
    """Return the name of a class in what is stored."""
    return CLASSES.get(kind.__name__, kind.__name__)


def stored_word(word: str) -> str:
    """Return the name of a field or a choice in what is stored."""
    return WORDS.get(word, word)


def current_word(word: str) -> str:
    """Return the name of a field or a choice in the code, the inverse of `stored_word`."""
    return _NEW.get(word, word)


def current_words(text: str) -> str:
    """Return a text, such as key=value, with every stored word in it replaced by the code's."""
    return _OLD.sub(lambda found: _NEW[found[0]], text)
