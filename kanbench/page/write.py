"""The page as one file: the template with its styles, its scripts and the data."""

import json
import re
import zlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from kanbench import __version__
from kanbench.analysis.kinds import metrics
from kanbench.files.atomic import write_whole
from kanbench.page.choose import Choice, choose, named
from kanbench.page.members import Shown, show
from kanbench.page.results import note, plain_curves, plain_origin, plain_records, plain_summary
from kanbench.page.search import plain_ratios, plain_search
from kanbench.page.solutions import kept_solutions, plain_solutions
from kanbench.page.source import CannotReport, Source, comparable_records
from kanbench.page.styles import plain_styles
from kanbench.report.result import Result
from kanbench.store import provenance
from kanbench.store.record import read_record
from kanbench.workers.pool import unordered

HERE = Path(__file__).parent
SCRIPTS = (
    "bases",
    "library",
    "network",
    "csv",
    "store",
    "theme",
    "plotly",
    "charts",
    "results",
    "panels",
    "against",
    "task",
    "search",
    "solutions",
    "table",
    "training",
    "explorer",
    "download",
    "cut",
    "print",
    "main",
)

Plain = dict[str, Any]


@dataclass(frozen=True)
class PageOptions:
    """Options of a page.

    networks: the largest number of trained networks.   budget: their budget, 0 for the middle one.   members: further
    networks by name, CELL:SEED.   protocol: which protocol to show, if a folder holds several.
    """

    networks: int = 24
    budget: int = 0
    members: tuple[str, ...] = ()
    protocol: str = ""


def write_page(source: Source, path: Path, options: PageOptions, workers: int = 1) -> int:
    """Write the page of some records to `path` atomically; return the number of networks on it.

    Raises `CannotReport`.
    """
    result = result_of(source, options.protocol)
    files = source.files
    tried, chosen = (each[each.cell.isin(files)] for each in (result.records, result.frame))  # tables hold no networks
    choices = [named(tried, words) for words in options.members]
    choices += choose(chosen, options.networks, options.budget)
    shown = _show_all(list(dict.fromkeys(choices)), files, workers)
    content = page_data(source, result, files) | {
        "networks": [each.network for each in shown],
        "data": {each.data_key: each.data for each in shown if each.data},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page(content).encode())
    except OSError as error:
        raise CannotReport(f"report: cannot write {path} ({error.strerror}); no page was changed") from error
    return len(shown)


def _show_all(choices: list[Choice], files: dict[str, Path], workers: int) -> list[Shown]:
    """Prepare all chosen members, in the order of the choices."""
    found = dict(unordered(partial(_show_one, files), choices, max(1, min(workers, len(choices)))))
    return [found[choice] for choice in choices]


def _show_one(files: dict[str, Path], choice: Choice) -> tuple[Choice, Shown]:
    return choice, show(choice, files)


def result_of(source: Source, protocol: str = "") -> Result:
    """Return the result of the records of a source, see `comparable_records`."""
    frame = comparable_records(source, protocol)
    result = Result(frame, title=source.title, solution_finder=partial(kept_solutions, source.files))
    baseline = source.baseline if source.baseline in set(result.frame.method) else None
    primary = source.primary if source.primary and source.primary.is_in(result.frame) else None
    return Result.of(result, baseline=baseline, primary=primary)


def page_data(source: Source, result: Result, files: dict[str, Path]) -> Plain:
    """Return the data of the page except the networks; of a search, the records of the chosen shapes."""
    frame = result.frame
    records = [read_record(files[cell]) for cell in frame.cell.unique() if cell in files]
    return {
        "title": result.title,
        "baseline": result.baseline,
        "answer": result.answer,
        "note": note(result),
        "commands": list(source.commands),
        "written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC by kanbench {__version__} {provenance.commit()[:12]}",
        "origin": plain_origin(records, frame),
        "measure": result.measure,
        "metrics": list(metrics(frame).unique()),
        "methods": plain_styles(result),
        "summary": plain_summary(result),
        "records": plain_records(frame, is_table=not files),
        "curves": plain_curves(records),
        "mark": result.mark,
        "ratios": plain_ratios(result),
        "search": plain_search(result),
        "solutions": plain_solutions(result.solutions),
    }


def page(content: Plain) -> str:
    """Fill the template; a browser runs only the scripts whose hashes the page names."""
    plotly, script = (HERE / "vendor" / "plotly-basic.min.js").read_text(encoding="utf-8"), bundle(*SCRIPTS)
    parts = {
        "title": content["title"].replace("&", "&amp;").replace("<", "&lt;"),
        "style": (HERE / "page.css").read_text(encoding="utf-8"),
        "plotly": b64encode(zlib.compress(plotly.encode(), level=9)).decode(),
        "data": json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": script,
        "hashes": f"'{_hash(plotly)}' '{_hash(script)}'",
    }
    template = (HERE / "template.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _hash(script: str) -> str:
    """Return the hash of a script in the form of a Content-Security-Policy."""
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"


def bundle(*names: str) -> str:
    """Join modules to one script, each after its imports, because pages opened from disk may not import files."""
    return "\n".join(_module(name, (HERE / f"{name}.js").read_text(encoding="utf-8")) for name in names)


def _module(name: str, text: str) -> str:
    """Wrap a module in a constant of its name that holds its exports; those after one that waits wait with it."""
    exports = ", ".join(re.findall(r"^export (?:const|function) (\w+)", text, flags=re.MULTILINE))
    text = re.sub(r'^import (\{.*\}) from "\./(\w+)\.js";$', r"const \1 = _\2;", text, flags=re.MULTILINE)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    wait, kind = ("await ", "async ") if re.search("^await ", text, flags=re.MULTILINE) else ("", "")
    return f"const _{name} = {wait}({kind}() => {{\n{text}return {{ {exports} }};\n}})();"
