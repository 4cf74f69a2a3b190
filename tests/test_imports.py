"""The rooms import in one direction."""

import ast
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
    "record": {"sealed"},
    "provenance": set(),
    "progress": {"record"},
    "stopping": set(),
    "claims": set(),
    "plan": {"sealed"},
    "pool": {"stopping"},
    "devices": set(),
    "interpret": {"bases", "models", "data"},
    "training": {"bases", "models", "data", "interpret", "record", "sealed", "stopping", "provenance"},
    "analysis": {"record", "sealed"},
    "checkpoint": {"bases", "models", "interpret", "sealed"},
    "systems": {"bases", "models", "data", "training", "interpret", "analysis", "atomic", "provenance", "sealed"},
    "schema": {"command_line", "data"},
    "settings": {"bases", "devices", "training"},
    "config": {"bases", "models", "data", "schema", "settings", "plan", "training", "systems"},
    "report": {"analysis", "atomic", "record"},
    "tables": {"analysis", "atomic", "command_line"},
    "study": {"analysis", "atomic", "command_line", "tables"},
    "page": {
        *("bases", "models", "data", "training", "interpret", "analysis"),
        *("atomic", "record", "report", "pool", "provenance", "command_line"),
    },
    "loggers": {"analysis", "atomic", "command_line", "config", "record", "report", "schema", "settings", "training"},
    "run": {
        *(
            "atomic",
            "claims",
            "config",
            "devices",
            "loggers",
            "models",
            "page",
            "plan",
            "pool",
            "progress",
            "provenance",
        ),
        *("record", "report", "schema", "stopping", "training"),
    },
    "submit": {"stopping"},
    "status": {"claims", "command_line", "plan", "record", "sealed"},
    "sweep": {"record", "report", "sealed"},
    "command_line": {"data"},
    "__main__": {"command_line", "config", "pool", "run", "schema", "stopping", "submit", "sweep", "systems"},
    "topics": {"command_line", "data"},
    "__init__": {"models"},
}
HOMES = {
    "hydra": {"__main__", "sweep"},
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
