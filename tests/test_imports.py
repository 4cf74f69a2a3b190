"""The rooms import in one direction, and a public name is the same thing whatever was imported before it."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import kanbench

ROOT = Path(kanbench.__file__).parent
ROOMS = {  # room: the rooms of kanbench that it may import, beside `plural`
    "plural": set(),
    "bases": set(),
    "models": {"bases"},
    "data": set(),
    "atomic": set(),
    "sealed": {"atomic"},
    "record": {"atomic", "sealed"},
    "manifest": {"atomic", "sealed"},
    "provenance": set(),
    "progress": {"record"},
    "stopping": set(),
    "claims": set(),
    "plan": {"atomic", "sealed"},
    "pool": {"stopping"},
    "output": set(),
    "devices": set(),
    "interpret": {"bases", "models", "data"},
    "training": {"bases", "models", "data", "interpret", "record", "sealed", "stopping", "provenance"},
    "analysis": {"record", "sealed"},
    "checkpoint": {"bases", "models", "interpret", "sealed"},
    "systems": {"bases", "models", "data", "training", "interpret", "analysis", "atomic", "provenance", "sealed"},
    "schema": {"command_line", "data"},
    "settings": {"bases", "devices", "training"},
    "config": {"bases", "command_line", "models", "data", "schema", "settings", "plan", "training", "systems"},
    "report": {"analysis", "atomic", "record"},
    "tables": {"analysis", "atomic", "command_line"},
    "study": {"analysis", "atomic", "command_line", "data", "tables"},
    "page": {
        *("bases", "models", "data", "training", "interpret", "analysis"),
        *("atomic", "manifest", "record", "report", "sealed", "pool", "provenance", "command_line"),
    },
    "loggers": {"analysis", "atomic", "command_line", "config", "record", "report", "schema", "settings", "training"},
    "run": {
        *(
            "atomic",
            "claims",
            "config",
            "devices",
            "loggers",
            "manifest",
            "models",
            "page",
            "plan",
            "pool",
            "output",
            "progress",
            "provenance",
        ),
        *("record", "report", "schema", "stopping", "training"),
    },
    "submit": {"plan", "stopping"},
    "hints": set(),
    "words": {"command_line", "hints"},
    "status": {"claims", "command_line", "plan", "record", "sealed"},
    "sweep": {"analysis", "manifest", "record", "report", "sealed"},
    "command_line": {"data", "hints"},
    "__main__": {
        *("command_line", "config", "output", "pool", "run", "schema", "stopping", "submit", "sweep", "systems"),
        "words",
    },
    "topics": {"command_line", "data"},
    "__init__": {"models"},
}
HOMES = {
    "hydra": {"__main__", "sweep", "words"},
    "lightning": {"training", "loggers"},
    "wandb": {"loggers"},
    "wandb_workspaces": {"loggers"},
}
TORCH_FREE = {
    "plural",
    "atomic",
    "data",
    "sealed",
    "record",
    "manifest",
    "provenance",
    "progress",
    "stopping",
    "claims",
    "plan",
    "pool",
    "analysis",
    "report",
    "tables",
    "study",
    "status",
    "submit",
    "sweep",
    "command_line",
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_what_it_may(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imports(path):
        package, *rest = name.split(".")
        if package == "kanbench" and rest[0] != "__version__":
            assert rest[0] in ROOMS[room] | {room, "plural"}, f"{room} imports {name}"
        assert package not in HOMES or room in HOMES[package], f"{room} imports {name}"
        assert package != "torch" or room not in TORCH_FREE, f"{room} imports {name}"


def test_there_is_no_cycle():
    order = list(ROOMS)
    seen = set()
    while order:
        free = [room for room in order if ROOMS[room] <= seen | {room}]
        assert free, f"a cycle among {order}"
        seen |= set(free)
        order = [room for room in order if room not in free]


def test_no_public_name_is_also_that_of_a_module():
    """Else `from kanbench.analysis import compare` is a function or a module, by who imported what before."""
    for init in ROOT.rglob("__init__.py"):
        modules = {path.stem for path in init.parent.iterdir() if path.suffix in ("", ".py")}
        names = {name.rpartition(".")[2] for name in imports(init)}
        assert not names & modules, f"{init.parent.name} exports {', '.join(names & modules)}, of a module of that name"


PUBLIC_NAMES = """
import json, pkgutil, sys
from importlib import import_module
from types import ModuleType
import kanbench

below = sys.argv[1]
found = [module.name for module in pkgutil.walk_packages(kanbench.__path__, "kanbench.")]
modules = sorted(name for name in found if name.startswith(below) and "__main__" not in name)

def public(order):
    for name in [name for name in sys.modules if name.partition(".")[0] == "kanbench"]:
        del sys.modules[name]
    for name in order:
        import_module(name)
    rooms = {name: import_module(name) for name in ["kanbench", *modules]}
    names = [(room, name) for room, module in rooms.items() for name in getattr(module, "__all__", [])]
    public = {f"{room}.{name}": getattr(rooms[room], name) for room, name in names}
    return {name: "a module" if isinstance(each, ModuleType) else type(each).__name__ for name, each in public.items()}

orders = [modules, modules[::-1], sorted(modules, key=lambda name: (-name.count("."), name[::-1]))]
print(json.dumps([public(order) for order in orders]))
"""


@pytest.mark.parametrize(
    ("below", "least"), [("kanbench.analysis", 20), pytest.param("kanbench", 100, marks=pytest.mark.slow)]
)
def test_every_public_name_is_the_same_in_every_order_of_imports(below, least):
    command = [sys.executable, "-c", PUBLIC_NAMES, below]
    first, *others = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(first) >= least
    assert "a module" not in first.values()
    assert all(found == first for found in others)
