"""Docstrings begin with what a thing is or does, and their examples run."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import kanbench

ROOT = Path(kanbench.__file__).parent
FRAGMENT = re.compile(r"(Of|By|What|Where|Whether|With which|Which|From which|How|To)\b")
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
MODULES = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
WITH_EXAMPLES = [path for path, text in MODULES.items() if ">>>" in text]


def fragments(text: str) -> list[int]:
    """The lines of the docstrings that begin with a fragment."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED)]
    return [node.body[0].lineno for node in nodes if FRAGMENT.match(ast.get_docstring(node) or "")]


def test_docstrings_begin_with_a_verb_or_a_noun_phrase():
    found = [f"{path}:{line}" for path, text in MODULES.items() for line in fragments(text)]
    assert not found, "\n".join(found)


def test_a_fragment_is_found_wherever_it_stands():
    text = '''"""To it."""
class A:
    """Of A."""
    def b(self):
        """Total of b."""
        def c():
            """
            How c."""
'''
    assert fragments(text) == [1, 3, 7]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_in_docstrings_run(path):
    name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
