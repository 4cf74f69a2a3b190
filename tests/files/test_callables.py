"""The hash of a function changes with its code and with what it uses, and with nothing else."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch

from kanbench.files.callables import CannotHash, hash_of_callable
from kanbench.files.user_source import read_source

BODY = """
import functools
import numpy as np
import torch
from torch import nn
from kanbench.files.callables import hash_of_callable

WIDTH = 3
UNUSED = 5

def unused(x):
    return x

class Layer(nn.Module):
    factor = 2.0
    def __init__(self, a, b):
        super().__init__()
        self.linear = nn.Linear(a, b)
    def forward(self, x):
        return torch.sin(WIDTH * self.factor * self.linear(x))

def helper(a, b, times=1):
    return Layer(a, b) if times else helper(a, b, times - 1)

def build(widths):
    return nn.Sequential(*[helper(a, b) for a, b in zip(widths, widths[1:])])

print(hash_of_callable(build))
"""


def hash_after(tmp_path, *changes):
    """The hash of `build` in a program of its own, with texts replaced."""
    text = BODY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "program.py"
    path.write_text(text)
    return subprocess.run([sys.executable, path], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_hash_follows_everything_that_a_function_of_a_program_uses_and_nothing_else(tmp_path):
    first = hash_after(tmp_path)
    assert hash_after(tmp_path, ("UNUSED = 5", "UNUSED = 6"), ("return x\n", "return 2 * x\n")) == first
    assert hash_after(tmp_path, ("import functools\n", "# a line more\nimport functools\n\n")) == first
    changes = [
        ("WIDTH = 3", "WIDTH = 4"),
        ("factor = 2.0", "factor = 2.5"),
        ("torch.sin(", "torch.cos("),
        ("times=1", "times=2"),
        ("zip(widths, widths[1:])", "zip(widths, widths[1:], strict=False)"),
        ("(nn.Module)", "(nn.ReLU)"),
    ]
    others = [hash_after(tmp_path, change) for change in changes]
    assert len({first, *others}) == 1 + len(changes)


@pytest.fixture
def in_program(monkeypatch):
    """Hashes as if the functions of this file were those of the program that runs."""

    def hashed(thing, **options):
        for each in (thing, getattr(thing, "func", None)):
            if hasattr(each, "__module__"):
                monkeypatch.setattr(each, "__module__", "__main__", raising=False)
        return hash_of_callable(thing, **options)

    return hashed


def maker(size, data):
    def build(widths):
        return torch.nn.Linear(size, len(data))

    return build


def test_captured_values_are_part_of_the_hash(in_program):
    assert in_program(maker(3, [1, 2])) == in_program(maker(3, [1, 2]))
    values = [(3, [1, 2]), (4, [1, 2]), (3, [1, 3]), (3, (1, 2)), (3.0, [1, 2]), (3, np.arange(3)), (3, np.arange(4))]
    values += [(3, torch.arange(3)), (3, torch.ones(3)), (3, {"a": 1}), (3, {"a": 2}), (3, {1, 2}), (3, torch.float32)]
    assert len({in_program(maker(*each)) for each in values}) == len(values)
    assert in_program(maker(3, {"b", "a"})) == in_program(maker(3, {"a", "b"}))


def test_partials_and_lambdas(in_program):
    def build(widths, depth=1):
        return torch.nn.Linear(widths[0], depth)

    assert in_program(partial(build, depth=2)) != in_program(partial(build, depth=3))
    one = lambda widths: torch.nn.Linear(widths[0], 1)  # noqa: E731
    two = lambda widths: torch.nn.Linear(widths[0], 2)  # noqa: E731
    assert in_program(one) != in_program(two)


def test_a_function_of_a_module_has_the_hash_of_its_target():
    assert hash_of_callable(maker) == read_source(f"{__name__}:maker").hash


@pytest.mark.parametrize("value", [torch.nn.Linear(1, 1), object(), np.array([object()])])
def test_what_cannot_be_hashed_asks_for_a_key(in_program, value):
    with pytest.raises(CannotHash, match=r"^data, which build uses, cannot be hashed .*; give key=\"...\"") as caught:
        in_program(maker(3, value))
    assert "\n" not in str(caught.value)
    assert in_program(maker(3, value), key="1") == in_program(maker(3, value), key="1")
    assert in_program(maker(3, value), key="1") != in_program(maker(3, value), key="2")


def test_two_lambdas_on_a_line_and_code_without_a_source_ask_for_a_key(in_program):
    pair = (lambda widths: torch.nn.Linear(1, 1), lambda widths: torch.nn.Linear(1, 2))
    for thing in (*pair, eval("lambda widths: 3")):
        with pytest.raises(CannotHash, match="give key"):
            in_program(thing)


def builder_of(gain):
    def build(widths, *, depth=gain):
        return gain, depth, widths

    return build


def test_values_that_a_function_of_an_imported_module_captures_are_in_its_hash():
    assert hash_of_callable(builder_of(2.0)) == hash_of_callable(builder_of(2.0))
    assert hash_of_callable(builder_of(2.0)) != hash_of_callable(builder_of(3.0))
    with pytest.raises(CannotHash, match="gain, which build captures"):
        hash_of_callable(builder_of(iter([])))
