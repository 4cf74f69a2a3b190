"""`status RESULTS`: how far the runs below a folder are, from files alone. Imports no torch."""

import logging
import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kanbench.cli.command import Command
from kanbench.errors import UsageError, counted, duration
from kanbench.files.sealed import Damaged
from kanbench.store.leases import SUFFIX, Leases, Sight, look
from kanbench.store.plan import Plan, read_plan
from kanbench.store.record import CellRecord, read_record

log = logging.getLogger(__name__)
SILENT = 60.0  # seconds after which a lease is said to be silent


@dataclass(frozen=True)
class Standing:
    """The state of one run: labels of its cells by what became of them. `seconds` is the time that one worker needs for
    the rest."""

    folder: Path
    command: str
    done: list[str]
    failed: dict[str, str]  # label: reason
    running: dict[str, str]  # label: by whom
    missing: list[str]
    seconds: float | None  # None before the first cell is done


def add(parser: ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument("results", metavar="RESULTS", type=Path, help="the folder whose runs are meant: results/runs")


def status(given: Namespace) -> int:
    """Print how far the runs below a folder are.

    Raises:
        UsageError: if the folder does not exist.
    """
    try:
        found = standings(given.results)
    except FileNotFoundError as error:
        raise UsageError(f"status: {error}") from error
    for line in say(found):
        print(line, flush=True)
    if not found:
        print(f"no run with a plan below {given.results}")
    return 0


def standings(folder: Path) -> list[Standing]:
    """Return the state of every run that was planned below `folder`, the latest at the end.

    Raises `FileNotFoundError` for a folder that does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    paths = sorted(folder.rglob("plans/*.json"), key=lambda path: path.stat().st_mtime)
    return [standing(plan, path.parent.parent / "cells") for path in paths if (plan := _plan(path)) is not None]


def standing(plan: Plan, cells: Path) -> Standing:
    """Return the state of a plan, as the records and leases in `cells` say it."""
    leased = {path.name.removesuffix(SUFFIX) for path in cells.glob(f"[!.]*{SUFFIX}")}
    leases = Leases(cells)
    done, failed, running, missing = [], {}, {}, []
    pace, left = [], 0.0
    for key, cost, label in zip(plan.cells, plan.costs, plan.labels, strict=True):
        record = _record(cells / f"{key}.json")
        if record is not None and not record.failed:
            done.append(label)
            first = record.members[0]
            if first["status"] != "skipped" and first.get("budget", 1):  # references take no time
                pace.append(sum(member.get("seconds") or 0.0 for member in record.members) / cost)
            continue
        left += cost
        if key in leased and leases.is_held(key):
            running[label] = _by(look(leases.path(key)))
        elif record is not None:
            failed[label] = record.members[0]["reason"]
        else:
            missing.append(label)
    return Standing(
        cells.parent, plan.command, done, failed, running, missing, left * statistics.median(pace) if pace else None
    )


def say(standings: Iterable[Standing]) -> Iterator[str]:
    """Lines for a terminal."""
    for each in standings:
        total = len(each.done) + len(each.failed) + len(each.running) + len(each.missing)
        yield str(each.folder)
        yield f"  {each.command}"
        yield (
            f"  {len(each.done)} of {counted(total, 'cell')} done, {len(each.running)} running, "
            f"{len(each.failed)} failed, {len(each.missing)} missing{_left(each)}"
        )
        for label, owner in each.running.items():
            yield f"  running   {label} ({owner})"
        for label, reason in each.failed.items():
            yield f"  failed    {label}: {reason}"
        if each.failed or (each.missing and not each.running):
            yield "  The command above goes on: it trains what failed or is missing, and nothing else."


def _by(sight: Sight | None) -> str:
    """Whose a lease is, and whether it looks abandoned: here alone the clocks of machines are compared."""
    if sight is None or sight.owner is None:
        return "just leased or released"
    silent = time.time() - sight.touched / 1e9
    return str(sight.owner) + (f"; no sign of life for {duration(silent)}" if silent > SILENT else "")


def _left(standing: Standing) -> str:
    if standing.seconds is None or not (standing.running or standing.missing or standing.failed):
        return ""
    workers = max(1, len(standing.running))
    return f"; about {duration(standing.seconds / workers)} left with {workers} at work"


def _plan(path: Path) -> Plan | None:
    try:
        return read_plan(path)
    except FileNotFoundError:
        return None
    except Damaged as fault:
        log.warning("damaged plan left out, the command of its run writes it again: %s", fault)
        return None


def _record(path: Path) -> CellRecord | None:
    try:
        return read_record(path)
    except (Damaged, FileNotFoundError):
        return None


COMMAND = Command(
    line="say how far every run below a folder is: cells done, running and failed, and the time that is left",
    run=status,
    add=add,
    takes="takes one folder: python -m kanbench status results/runs",
)
