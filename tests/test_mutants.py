"""The script that makes mutants finds every public function, and its mutants are met by whoever imported one before."""

import sys
from functools import cached_property
from types import ModuleType

import pytest
from mutants import Target, answer_nothing, by_mention, files_of, first_argument, is_written_in, mutate, targets_in

SOURCE = """
def twice(x):
    return 2 * x

def _private(x):
    return x

class Box:
    def __init__(self, side):
        self.side = side

    @property
    def area(self):
        return self.side ** 2

    @staticmethod
    def of(area):
        return Box(area ** 0.5)

    def scaled(self, factor):
        return Box(factor * self.side)
"""


@pytest.fixture
def example(tmp_path, monkeypatch):
    file = tmp_path / "example.py"
    file.write_text(SOURCE)
    module = ModuleType("kanbench_example")
    module.__file__ = str(file)
    exec(compile(SOURCE, str(file), "exec"), vars(module))
    user = ModuleType("test_user")
    user.doubled = module.twice
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, user.__name__, user)
    return module


def test_functions_methods_and_properties_are_mutated(example):
    mutate(Target(example, "twice", example.twice), first_argument(0))
    assert (example.twice(7), sys.modules["test_user"].doubled(x=7)) == (7, 7)
    box = example.Box(3.0)
    for name, mutant in (("area", answer_nothing), ("of", first_argument(0)), ("scaled", first_argument(1))):
        mutate(Target(example.Box, name, vars(example.Box)[name]), mutant)
    assert (box.area, example.Box.of(9.0), box.scaled(factor=2.0)) == (None, 9.0, 2.0)


def test_targets_are_what_a_module_shows_and_writes_itself(example):
    example.imported = cached_property
    names = {name: Target(example, name, found) for name, found in vars(example).items()}
    written = {name for name, target in names.items() if is_written_in(target, example)}
    assert written == {"twice"}
    assert {str(target) for target in targets_in("kanbench.data.metrics", [])} == {
        *("data.metrics.grade", "data.metrics.grade_classes", "data.metrics.grade_outputs"),
        "data.metrics.class_prior",
    }
    (only,) = targets_in("kanbench.bases", ["taylor"])
    assert str(only) == "bases.taylor.Taylor.recurrence"
    assert by_mention(files_of("kanbench.bases"), only)[0].stem == "test_polynomials"
