"""The plan of a run: its cells with their costs, stored for `status` and for other shards. Imports no torch."""

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from kanbench.files.atomic import remove_parts
from kanbench.files.sealed import Damaged, Seal, parse_json

SEAL = Seal("plan", format=1)
PLAIN = re.compile(r"[\w@%+=:,./-]+")  # needs no quotes in a shell, whatever its alphabet
MOST_SHARDS = 10_000


def join(words: Iterable[str]) -> str:
    """Join words to a line for a shell, with quotes around those that need them."""
    return " ".join(word if PLAIN.fullmatch(word) else shlex.quote(word) for word in words)


@dataclass(frozen=True)
class Shard:
    """Share number `index` of the `count` shares of a run, counted from 1; written as index/count."""

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Parse i/n. Raises `ValueError` for anything but i/n with 1 <= i <= n <= `MOST_SHARDS`."""
        index, slash, count = text.partition("/")
        numbers = slash and index.isdecimal() and count.isdecimal() and len(text) < 20
        if not (numbers and 1 <= int(index) <= int(count) <= MOST_SHARDS):
            raise ValueError(f"must be i/n with 1 <= i <= n <= {MOST_SHARDS:,}, as 3/8, got {text!r}")
        return cls(int(index), int(count))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, items: Sequence[Any], costs: Sequence[float]) -> list[Any]:
        """Return this share of `items`, in their order.

        The shares of one run are disjoint and complete. Longest-first assignment makes them about equal in cost: any
        two differ by at most the cost of one item.
        """
        loads = [0.0] * self.count
        mine = []
        for i in sorted(range(len(items)), key=lambda i: (-costs[i], i)):
            lightest = min(range(self.count), key=loads.__getitem__)
            loads[lightest] += costs[i]
            if lightest == self.index - 1:
                mine.append(i)
        return [items[i] for i in sorted(mine)]


WHOLE = Shard()


@dataclass(frozen=True)
class Plan:
    """A whole run, of which a job may train a shard.

    command: the command that starts the run and continues it.   cells: the keys of its records.   costs: their relative
    training times.   labels: their methods, tasks and budgets.
    """

    command: str
    cells: list[str]
    costs: list[float]
    labels: list[str]

    def __post_init__(self) -> None:
        """Check the fields. Raises `ValueError` for content that a file may hold but that no run has written."""
        if not all(isinstance(each, list) for each in (self.cells, self.costs, self.labels)):
            raise ValueError("cells, costs and labels must be lists")
        if not all(isinstance(text, str) for text in (self.command, *self.cells, *self.labels)):
            raise ValueError("command, cells and labels must be texts")
        "".join([self.command, *self.labels]).encode()  # a UnicodeEncodeError is a ValueError
        if not all(isinstance(cost, int | float) and 0 < cost < inf for cost in self.costs):
            raise ValueError("costs must be positive numbers")
        if not len(self.cells) == len(self.costs) == len(self.labels):
            raise ValueError("every cell must have a cost and a label")

    def write(self, folder: Path) -> None:
        """Write the plan to a file named by its content, which all jobs of a run share and repair. Raises `OSError`."""
        body = json.dumps(asdict(self)).encode()
        path = folder / "plans" / f"{hashlib.sha256(body).hexdigest()[:12]}.json"
        path.parent.mkdir(exist_ok=True)
        remove_parts(path.parent)
        SEAL.write(path, body)


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises `Damaged`, and `FileNotFoundError` where there is no file."""
    body = SEAL.read(path)
    try:
        return Plan(**parse_json(body))
    except (ValueError, TypeError) as error:
        raise Damaged(f"{path}: not a plan ({error})") from error
