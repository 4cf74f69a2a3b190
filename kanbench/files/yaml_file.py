"""Typed access to YAML files that people write: a value of a wrong type is reported with its place in the file."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kanbench.errors import UnknownName, shown


class FileError(ValueError):
    """Error for a file with wrong content; one sentence with the file, the place in it and what is allowed."""


@dataclass(frozen=True)
class Node:
    """A value in a file and its place: the path of the file, and the path of the value within it."""

    value: Any
    file: Path
    path: str = ""

    def fault(self, rule: str) -> FileError:
        """Return the error that says which rule this value breaks."""
        return FileError(f"{self.file}: {self.path + ' ' if self.path else ''}{rule}, got {shown(self.value)}")

    def entries(self) -> dict[str, "Node"]:
        """Return the nodes of a mapping by their keys; raises `FileError` for anything else, or for keys that are not
        text.
        """
        if not isinstance(self.value, dict):
            raise self.fault("must be a mapping of keys to values")
        for key in self.value:
            if not isinstance(key, str):
                raise self.fault(f"must have text as keys (put {shown(key)} in quotes)")
        dot = "." if self.path else ""
        return {key: Node(value, self.file, f"{self.path}{dot}{key}") for key, value in self.value.items()}

    def fields(self, *required: str, optional: tuple[str, ...] = ()) -> dict[str, "Node"]:
        """Return the nodes of a mapping; raises `FileError` if a required key is missing, or if another key is not
        optional.
        """
        found = self.entries()
        for key in required:
            if key not in found:
                raise FileError(f"{self.file}: {self.path + ' ' if self.path else ''}has no {key}")
        for key in found:
            if key not in (*required, *optional):
                place = f"{self.path}: " if self.path else ""
                raise FileError(f"{self.file}: {place}{UnknownName('key', key, [*required, *optional])}")
        return found

    def items(self) -> list["Node"]:
        """Return the nodes of a list; raises `FileError` for anything else, or for an empty list."""
        if not isinstance(self.value, list) or not self.value:
            raise self.fault("must be a list with at least one entry")
        return [Node(value, self.file, f"{self.path}[{i}]") for i, value in enumerate(self.value)]

    def text(self) -> str:
        """Return a text; raises `FileError` for anything else, or for an empty text."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.fault("must be a text")
        return self.value

    def number(self) -> float:
        """Return a finite number, integers as integers; raises `FileError` for anything else."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise self.fault("must be a finite number (YAML reads 1e-3 as text, and 1.0e-3 as a number)")
        return self.value

    def whole(self) -> int:
        """Return an integer; raises `FileError` for anything else."""
        if type(self.value) is not int:
            raise self.fault("must be an integer")
        return self.value

    def flag(self) -> bool:
        """Return a boolean; raises `FileError` for anything else."""
        if not isinstance(self.value, bool):
            raise self.fault("must be true or false")
        return self.value


class _Loader(yaml.SafeLoader):
    """Loader of safe YAML that rejects repeated keys; PyYAML's own silently takes the last of them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{shown(key.value)} appears twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Node:
    """Read a YAML file into the node at its root.

    Raises:
        FileError: if the file cannot be read, or is not YAML in UTF-8.
    """
    if not path.is_file():
        raise FileError(f"{path}: is not a file")
    try:
        return Node(yaml.load(path.read_text(encoding="utf-8"), _Loader), path)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error})") from error
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise FileError(f"{path}: is not YAML ({error.problem}{line})") from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        # PyYAML raises these for bytes that are not text, for impossible dates, and for `!!int ""` or `!!bool maybe`.
        raise FileError(f"{path}: is not YAML in UTF-8 ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise FileError(f"{path}: is nested too deeply") from error
