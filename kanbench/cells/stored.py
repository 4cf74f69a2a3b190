"""The names under which keys, records and checkpoints store what has a better name in the code.

What is stored keeps its spelling, so that finished work is found again whatever the code calls things.
"""

CLASSES = {"FormulaTask": "Task"}  # name of the class: its name in cells


def stored_name(kind: type) -> str:
    """Return the name of a class in what is stored."""
    return CLASSES.get(kind.__name__, kind.__name__)
