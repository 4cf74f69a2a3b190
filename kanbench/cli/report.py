"""`python -m kanbench report RESULTS`: the words after it, and what is said about the page."""

import os
from pathlib import Path

from kanbench.errors import UnknownName, counted
from kanbench.page.source import CannotReport, find_source
from kanbench.page.write import PageOptions, write_page
from kanbench.workers.pool import WorkerDied

USE = """python -m kanbench report RESULTS [networks=24] [budget=N] [member=CELL:SEED ...] [protocol=P] [out=FILE]

  RESULTS              a folder of a run (results/runs/toy), of one of its jobs, or of a sweep
  networks=24          how many trained networks are on the page at most; each is trained once more, in about a second
  budget=100           of those networks; the middle one unless it is given
  member=3f2a:0        a network by the beginning of its cell's key, and its seed; the best one without
  protocol=e512db      where RESULTS holds records that cannot be compared
  out=page.html        where the page goes; RESULTS/report.html unless it is given"""
KEYS = ("networks", "budget", "member", "protocol", "out")


def report(words: list[str]) -> int:
    """Write a page. Raises `CannotReport` for words that cannot be understood and results that cannot be shown."""
    if not words or {"--help", "-h"} & set(words):
        print(USE)
        return 0
    folder, given = Path(words[0]), _read(words[1:])
    out = Path(given.get("out", [str(folder / "report.html")])[-1])
    options = PageOptions(
        networks=_whole(given, "networks", PageOptions.networks),
        budget=_whole(given, "budget", PageOptions.budget),
        members=tuple(given.get("member", [])),
        protocol=given.get("protocol", [""])[-1],
    )
    try:
        count = write_page(find_source(folder), out, options, workers=len(os.sched_getaffinity(0)))
    except OSError as error:
        raise CannotReport(f"report: cannot read {error.filename} ({error.strerror})") from error
    except WorkerDied as error:
        raise CannotReport(f"report: {error}; fewer networks=... need less") from error
    print(f"page      {out} ({out.stat().st_size / 1e6:.1f} MB, {counted(count, 'network')})")
    return 0


def _read(words: list[str]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise CannotReport(f"report: {word!r} is not of the form key=value")
        if key not in KEYS:
            raise CannotReport(f"report: {UnknownName('key', key, KEYS)}")
        given.setdefault(key, []).append(value)
    return given


def _whole(given: dict[str, list[str]], key: str, default: int) -> int:
    text = given.get(key, [str(default)])[-1]
    if not text.isdecimal():
        raise CannotReport(f"report: {key} must be a whole number, got {text!r}")
    return int(text)
