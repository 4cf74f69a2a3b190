"""`dashboard --entity TEAM`: a workspace and a report about kanbench's runs on W&B."""

import json
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path

from kanbench.cli.command import Command
from kanbench.errors import UsageError, installs
from kanbench.files.atomic import staged

INSTALL = f"dashboard: needs wandb and wandb-workspaces: {installs('dashboard')}"


def add(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--entity", required=True, help="user or team of W&B")
    parser.add_argument("--project", default="kanbench", help="as in logger.project; kanbench if not given")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="write the definitions there and push nothing")


def dashboard(given: Namespace) -> int:
    """Push the chart's preset, a workspace and a report to a W&B project, or write them as JSON."""
    if find_spec("wandb_workspaces") is None:
        raise UsageError(INSTALL)
    from kanbench.loggers.dashboard import definitions, push

    if given.json is None:
        for line in push(given.entity, given.project):
            print(line)
        return 0
    found = definitions(given.entity, given.project)
    with staged(given.json) as place:
        for name, definition in found.items():
            (place / f"{name}.json").write_text(json.dumps(definition, indent=1))
    for name in found:
        print(given.json / f"{name}.json")
    return 0


COMMAND = Command(
    line="push the chart's preset, a workspace and a report to a W&B project, or write them as JSON",
    run=dashboard,
    add=add,
)
