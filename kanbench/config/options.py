"""The config groups, their options and keys, as the YAML files below `conf` say them."""

import re
from pathlib import Path

from kanbench.files.places import shipped

CONF = shipped("conf").resolve()


def home_of(group: str, key: str) -> str:
    """The options of a group that have a key, for who set it beside another one; "" if none has it."""
    options = sorted((CONF / ("model" if group == "baseline" else group)).glob("*.yaml"))
    homes = [f"{group}={path.stem}" for path in options if key in keys(path)]
    return f"{group}.{key} is a key of {' or '.join(homes)} only" if homes else ""


def keys(path: Path) -> list[str]:
    """The keys at the top of a YAML file, without reading the rest of it."""
    return re.findall(r"^(\w+):", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def headline(path: Path) -> str:
    """The comment on the first line of a YAML file."""
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
