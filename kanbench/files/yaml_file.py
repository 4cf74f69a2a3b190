"""YAML that people write: every value is asked for with its type, and a wrong one is named with its place."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kanbench.errors import UnknownName, shown


class FileError(ValueError):
    """A file that does not hold what it should; one sentence with the file, the place in it and what is allowed."""


@dataclass(frozen=True)
class Node:
    """A value in a file, and the place where it stands: the path of the file, and of the value in it."""

    value: Any
    file: Path
    path: str = ""

    def fault(self, rule: str) -> FileError:
        """The error that says which rule the value here breaks."""
        return FileError(f"{self.file}: {self.path + ' ' if self.path else ''}{rule}, got {shown(self.value)}")

    def entries(self) -> dict[str, "Node"]:
        """The nodes of a mapping by their keys, which are text."""
        if not isinstance(self.value, dict):
            raise self.fault("must be a mapping of keys to values")
        for key in self.value:
            if not isinstance(key, str):
                raise self.fault(f"must have text as keys, and {shown(key)} is none without quotes")
        dot = "." if self.path else ""
        return {key: Node(value, self.file, f"{self.path}{dot}{key}") for key, value in self.value.items()}

    def fields(self, *required: str, optional: tuple[str, ...] = ()) -> dict[str, "Node"]:
        """The nodes of a mapping that has all the required keys, and no others than these and the optional ones."""
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
        """The nodes of a list that is not empty."""
        if not isinstance(self.value, list) or not self.value:
            raise self.fault("must be a list with at least one entry")
        return [Node(value, self.file, f"{self.path}[{i}]") for i, value in enumerate(self.value)]

    def text(self) -> str:
        """A text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.fault("must be a text")
        return self.value

    def number(self) -> float:
        """A finite number, as it is: an integer stays one."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise self.fault("must be a finite number (YAML reads 1e-3 as text, and 1.0e-3 as a number)")
        return self.value

    def whole(self) -> int:
        """An integer."""
        if type(self.value) is not int:
            raise self.fault("must be an integer")
        return self.value


class _Loader(yaml.SafeLoader):
    """YAML's own, which takes the last of two equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{shown(key.value)} is there twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Node:
    """The whole of a YAML file; raises `FileError` for what is no YAML in UTF-8."""
    if not path.is_file():
        raise FileError(f"{path}: is no file")
    try:
        return Node(yaml.load(path.read_text(encoding="utf-8"), _Loader), path)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error})") from error
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise FileError(f"{path}: is no YAML ({error.problem}{line})") from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        # bytes that are no text, a date that is none; what PyYAML makes of `!!int ""` or `!!bool maybe`
        raise FileError(f"{path}: is no YAML in UTF-8 ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise FileError(f"{path}: is nested too deeply") from error
