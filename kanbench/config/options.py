"""The config groups, their options and keys, as the YAML files below `conf` say them."""

import re
from pathlib import Path

from kanbench.errors import UsageError
from kanbench.files.places import shipped

CONF = shipped("conf").resolve()


def home_of(group: str, key: str) -> str:
    """The options of a group that have a key, for who set it beside another one; "" if none has it."""
    options = sorted((CONF / ("model" if group == "baseline" else group)).glob("*.yaml"))
    homes = [f"{group}={path.stem}" for path in options if key in keys(path)]
    return f"{group}.{key} is a key of {' or '.join(homes)} only" if homes else ""


def own_folder(text: str | None) -> Path | None:
    """Return the folder of the user's own configs that --config-dir names, or None without one.

    Raises:
        UsageError: There is no such folder, or a file of it has the name of one of ours.
    """
    if not text:
        return None
    folder = Path(text).expanduser().resolve()
    if not folder.is_dir():
        raise UsageError(f"--config-dir: {text} is no folder")
    for path in sorted(folder.glob("*.yaml")) + sorted(folder.glob("*/*.yaml")):
        name = path.relative_to(folder)
        if folder != CONF and (CONF / name).is_file():
            raise UsageError(f"--config-dir: {Path(text) / name} has the name of one of ours; give it another")
    return folder


def options(group: str, own: Path | None = None) -> dict[str, Path]:
    """Return the files of a group by the names of its options, in alphabetical order."""
    paths = [path for folder in (CONF, own) if folder for path in (folder / group).glob("*.yaml")]
    return dict(sorted((path.stem, path) for path in paths))


def suite_of(path: Path) -> str:
    """Return the suite that a YAML file of the group `data` names, "" if it names none."""
    found = re.search(r"^suite: [\"']?([^\s\"'#]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found[1] if found else ""


def keys(path: Path) -> list[str]:
    """The keys at the top of a YAML file, without reading the rest of it."""
    return re.findall(r"^(\w+):", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def headline(path: Path) -> str:
    """The comment on the first line of a YAML file."""
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
