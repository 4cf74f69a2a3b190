"""Code from elsewhere that a published study trains: checkouts of repositories, and packages that are installed.

A run names one by `{name}`, which stands for its file, or for its module. The study says at which commit or version it
was trained, and under which license the code is; the code itself is no part of this repository.
"""

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kanbench.files.yaml_file import Node

NAME = re.compile(r"\{([A-Za-z][\w.-]*)\}")


class Missing(ValueError):
    """Error for code that is not there as the study had it; the message says how to get it."""


@dataclass(frozen=True)
class Checkout:
    """A file of a repository at a commit."""

    name: str
    repository: str
    commit: str
    file: str
    license: str

    def place(self, folder: Path | None) -> str:
        """Return the path of the file below a folder of checkouts. Raises `Missing`."""
        if folder is None:
            raise Missing(f"it is looked for in --checkouts DIR, a clone of {self.repository} at {self.commit}")
        root = folder / self.name
        get = f"git clone {self.repository} {root} && git -C {root} checkout {self.commit}"
        if not root.is_dir():
            raise Missing(f"{root} is not there: {get}")
        if (found := _git(root, "rev-parse", "HEAD")) != self.commit:
            raise Missing(f"{root} is at {found or 'no commit'} and not at {self.commit}: {get}")
        if not (root / self.file).is_file():
            raise Missing(f"{root} has no file {self.file}")
        if changed := _git(root, "status", "--porcelain", "--untracked-files=no"):
            raise Missing(f"{root} has changes of its own: {changed.splitlines()[0].strip()}")
        return str(root / self.file)


@dataclass(frozen=True)
class Package:
    """A module of a package at a version, which the environment has."""

    name: str
    package: str
    version: str
    module: str
    license: str

    def place(self, folder: Path | None) -> str:
        """Return the name of the module. Raises `Missing`."""
        get = f"pip install {self.package}=={self.version}"
        try:
            found = version(self.package)
        except PackageNotFoundError:
            raise Missing(f"{self.package} is not installed: {get}") from None
        if found != self.version:
            raise Missing(f"{self.package} is of version {found} and not of {self.version}: {get}")
        return self.module


Outside = Checkout | Package


def _git(root: Path, *words: str) -> str:
    """Return what git says about a folder that is a repository itself; "" for any other."""
    if not (root / ".git").exists():
        return ""
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True).stdout.rstrip()


def read_outside(node: Node) -> tuple[Outside, ...]:
    """Return the code from elsewhere that a study lists; raises `FileError` for a list that says too little."""
    return tuple(_read(name, entry) for name, entry in node.entries().items())


def _read(name: str, node: Node) -> Outside:
    if not NAME.fullmatch(f"{{{name}}}"):
        raise node.fault(f"must have a name of letters, digits, '.', '_' and '-' instead of {name!r}")
    if "package" in node.entries():
        of_package = node.fields("package", "version", "module", "license")
        return Package(name, **{key: value.text() for key, value in of_package.items()})
    content = node.fields("repository", "commit", "file", "license")
    if not re.fullmatch(r"[0-9a-f]{40}", content["commit"].text()):
        raise content["commit"].fault("must be the 40 digits of a commit")
    return Checkout(name, **{key: value.text() for key, value in content.items()})


def check_names(run: Node, outside: Iterable[Outside]) -> None:
    """Raise `FileError` for a run that names code which its study does not list."""
    known = [each.name for each in outside]
    for name in NAME.findall(run.text()):
        if name not in known:
            raise run.fault(f"must name one of the checkouts ({', '.join(known) or 'none are listed'})")


def places(outside: Iterable[Outside], folder: Path | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return where each is that is there, and why each other one is missing, by their names."""
    found, missing = {}, {}
    for each in outside:
        try:
            found[each.name] = each.place(folder)
        except Missing as reason:
            missing[each.name] = str(reason)
    return found, missing


def filled(words: Sequence[str], found: Mapping[str, str]) -> list[str]:
    """Return the words of a run with the places of what they name; none if one of them is missing."""
    if any(name not in found for word in words for name in NAME.findall(word)):
        return []
    return [NAME.sub(lambda named: found[named[1]], word) for word in words]
