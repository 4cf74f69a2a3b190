"""What a run is going to do, for whoever asks while it does: its cells with their costs, and a share of them.

Imports no torch.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from kanbench.files.atomic import remove_parts
from kanbench.files.sealed import Damaged, Seal, parse_json

SEAL = Seal("plan", format=1)
MOST_SHARDS = 10_000


@dataclass(frozen=True)
class Shard:
    """The `index`-th of `count` shares of a run, from 1 on; written index/count."""

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Raises `ValueError` for anything but i/n with 1 <= i <= n <= `MOST_SHARDS`."""
        index, slash, count = text.partition("/")
        numbers = slash and index.isdecimal() and count.isdecimal() and len(text) < 20
        if not (numbers and 1 <= int(index) <= int(count) <= MOST_SHARDS):
            raise ValueError(f"must be i/n with 1 <= i <= n <= {MOST_SHARDS:,}, as 3/8, got {text!r}")
        return cls(int(index), int(count))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, items: Sequence[Any], costs: Sequence[float]) -> list[Any]:
        """This share of `items`, in their order. The shares of one run are disjoint, complete, and as equal in cost as
        longest-first assignment makes them: any two differ by at most the cost of one item."""
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
    """A whole run, of which a job may do a share.

    command: what makes it, and makes it go on.   cells: the keys of its records.   costs: their relative training
    times.   labels: their methods, tasks and budgets.
    """

    command: str
    cells: list[str]
    costs: list[float]
    labels: list[str]

    def __post_init__(self) -> None:
        """Raises `ValueError` for what a file may hold that no run has written."""
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
        """Into a file that is named by the content: jobs of one run share it, and mend it. Raises `OSError`."""
        body = json.dumps(asdict(self)).encode()
        path = folder / "plans" / f"{hashlib.sha256(body).hexdigest()[:12]}.json"
        path.parent.mkdir(exist_ok=True)
        remove_parts(path.parent)
        SEAL.write(path, body)


def read_plan(path: Path) -> Plan:
    """Raises `Damaged`; `FileNotFoundError` where there is no file."""
    body = SEAL.read(path)
    try:
        return Plan(**parse_json(body))
    except (ValueError, TypeError) as error:
        raise Damaged(f"{path}: not a plan ({error})") from error
