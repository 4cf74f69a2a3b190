"""The rooms import in one direction, and what needs no torch imports none, not even through others."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kanbench

ROOT = Path(kanbench.__file__).parent
LIBRARY = ["bases", "models", "training", "interpret", "checkpoint"]
ROOMS = {  # room: the rooms of kanbench that it may import, beside `errors`
    "errors": set(),
    "files": set(),
    "bases": {"files"},
    "models": {"bases"},
    "training": {"bases", "models", "files"},
    "interpret": {"bases", "models"},
    "checkpoint": {"bases", "models", "interpret", "files"},
    "estimators": {"bases", "models", "training", "interpret", "checkpoint", "files"},
    "data": {"files"},
    "methods": {"files", "bases", "models"},
    "workers": set(),
    "store": {"files"},
    "cells": {"bases", "models", "training", "interpret", "data", "methods", "store", "files", "workers"},
    "analysis": {"store", "files"},
    "solutions": {"models", "training", "checkpoint", "data", "cells", "store", "files", "analysis"},
    "report": {"analysis", "store", "files"},
    "loggers": {"analysis", "report", "store", "files"},
    "systems": {"files", "bases", "models", "training", "interpret", "data", "cells", "report", "store"},
    "page": {
        *("bases", "models", "training", "interpret", "data", "cells", "methods"),
        *("store", "files", "workers", "analysis", "report", "solutions"),
    },
    "config": {
        "bases",
        "models",
        "training",
        "data",
        "methods",
        "cells",
        "store",
        "files",
        "workers",
        "loggers",
        "systems",
    },
    "run": {
        *("methods", "cells", "store", "files", "workers", "analysis", "report", "page", "loggers", "config"),
        "solutions",
    },
    "advice": {
        *("bases", "models", "training", "checkpoint", "data", "cells", "methods"),
        *("store", "files", "workers", "analysis", "loggers", "config", "run"),
    },
    "audit": {"data", "methods", "cells", "store", "files", "analysis"},
    "cli": {
        *("advice", "audit"),
        *("data", "methods", "store", "files", "workers", "analysis", "report", "page", "loggers", "config", "run"),
        "systems",
    },
    "comparing": {
        *("training", "data", "methods", "cells", "workers", "report", "loggers", "config", "run"),
    },
    "__main__": {"cli"},
    "__init__": {"advice", "bases", "models", "data", "methods", "estimators", "comparing", "report", "solutions"},
}
HOMES = {
    "hydra": {"cli", "run"},
    "lightning": {"training", "cells", "loggers"},
    "sklearn": {"data", "estimators"},
    "wandb": {"loggers"},
    "wandb_workspaces": {"loggers"},
}
BLOCK = """
import importlib, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "lightning"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
"""
TORCH_FREE = ["errors", "files", "data", "store", "workers", "analysis", "report"]
FILES = sorted(ROOT.rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_it_may(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imports(path):
        package, *rest = name.split(".")
        if package == "kanbench" and rest[0] != "__version__":
            assert rest[0] in ROOMS[room] | {room, "errors"}, f"{room} imports {name}"
        assert package not in HOMES or room in HOMES[package], f"{room} imports {name}"


def test_the_map_has_no_cycle_and_every_room_is_on_it():
    assert {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES} == set(ROOMS)
    order, seen = list(ROOMS), set()
    while order:
        free = [room for room in order if ROOMS[room] <= seen | {room}]
        assert free, f"a cycle among {order}"
        seen |= set(free)
        order = [room for room in order if room not in free]


def reachable(rooms: list[str]) -> set[str]:
    found, waiting = set(), list(rooms)
    while waiting:
        room = waiting.pop()
        if room not in found:
            found.add(room)
            waiting += ROOMS[room]
    return found


def test_the_library_knows_nothing_of_the_harness():
    assert reachable(LIBRARY) <= {*LIBRARY, "files", "errors"}


def test_the_estimators_stand_on_the_library_alone():
    assert reachable(["estimators"]) <= {"estimators", *LIBRARY, "files", "errors"}
    assert [room for room in ROOMS if "estimators" in ROOMS[room]] == ["__init__"]


def test_nobody_imports_the_command_line():
    assert [room for room in ROOMS if "cli" in ROOMS[room]] == ["__main__"]


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=module_of)
def test_no_name_that_a_package_exports_is_also_the_name_of_its_module(path):
    """`from kanbench.room import name` would give one or the other, depending on what was imported before."""
    modules = {each.stem for each in path.parent.glob("*.py")} | {
        each.parent.name for each in path.parent.glob("*/*.py")
    }
    exported = {name.rpartition(".")[2] for name in imports(path) if name.count(".") > module_of(path).count(".") + 1}
    assert not modules & exported


def test_what_reads_results_is_imported_where_torch_is_blocked():
    """In one process for all, since each would import pandas and matplotlib again."""
    names = [module_of(path) for path in FILES if path.relative_to(ROOT).parts[0].removesuffix(".py") in TORCH_FREE]
    code = BLOCK + f"[importlib.import_module(name) for name in {names!r}]"
    assert len(names) > 40
    subprocess.run([sys.executable, "-c", code], check=True)
