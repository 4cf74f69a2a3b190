"""A run that is planned and not trained: its cells, what is there already, and the core time that the rest may take."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from statistics import median

from kanbench.cells import Cell, Execution
from kanbench.cells.forecast import cost, fewest_steps, pace
from kanbench.errors import counted, duration
from kanbench.files.sealed import Damaged
from kanbench.methods import BudgetTooSmall
from kanbench.run.job import Job, grouped
from kanbench.store.record import CellRecord, label, read_record

MOST_PROBES = 6  # short trainings
Pace = Callable[[Cell, Execution], float]


@dataclass
class Forecast:
    """The plan of a job, and what is known about its time.

    Args:
        job: The job.
        known: The cells of its shard that are trained already.
        skipped: The cells that have no model of their budget, with the reason.
        missing: The cells that it would train, those that failed before included.
        failed: The number of missing cells that failed before.
        paces: Measured seconds over those of the cost model, by the label of a method.
        source: Where the paces come from, in words.
        of_records: Whether they come from records.
    """

    job: Job
    known: list[Cell] = field(default_factory=list)
    skipped: list[tuple[Cell, str]] = field(default_factory=list)
    missing: list[Cell] = field(default_factory=list)
    failed: int = 0
    paces: dict[str, list[float]] = field(default_factory=dict)
    source: str = ""
    of_records: bool = False

    def seconds(
        self,
        cells: list[Cell],
        of: Callable[[list[float]], float] = median,
        steps: Callable[[Cell], float | None] = lambda cell: None,
    ) -> float:
        """Return the estimated core seconds of cells; `of` takes one pace of several, and `steps` says how long each
        trains.
        """
        every = [each for paces in self.paces.values() for each in paces] or [1.0]
        return sum(cost(cell, steps(cell)) * of(self.paces.get(cell.name, every)) for cell in cells)

    def range(self) -> tuple[float, float]:
        """Return the least and the largest seconds that the missing cells may take.

        Recorded seconds hold how early trainings ended. After short trainings, the range goes from few steps at the
        best pace to the last step at the worst.
        """
        if self.of_records:
            return self.seconds(self.missing, min), self.seconds(self.missing, max)
        least = self.seconds(self.missing, min, lambda cell: fewest_steps(cell.optimizer))
        return least, self.seconds(self.missing, max, lambda cell: cell.optimizer.most_steps)


def forecast(job: Job, elsewhere: frozenset[str] = frozenset(), measure: Pace = pace) -> Forecast:
    """Plan a job and estimate its time. Nothing is written.

    Args:
        job: The job.
        elsewhere: Keys of cells that another job of the same sweep trains before.
        measure: A function that measures the pace of a cell by a short training.

    Raises:
        ValueError: A task cannot be sampled.
    """
    found = Forecast(job)
    paces: dict[str, list[float]] = {}
    for group in grouped(job.mine):
        records = [record for cell in group if (record := _record(job, cell.key)) is not None]
        finished = [record for record in records if not record.failed]
        first, is_old = group[0], any(_is_old(*pair) for pair in zip(finished, group, strict=False))
        if len(finished) == len(group) and not (job.retrain and is_old):
            found.known += group
            if seconds := sum(map(_seconds, finished)):
                paces.setdefault(first.name, []).append(seconds / sum(map(cost, group)))
        elif reason := _refusal(first):
            found.skipped.append((first, reason))
        elif first.key in elsewhere:
            found.known += group
        else:  # a search is trained as a whole
            found.missing += group
            found.failed += len(records) - len(finished)
    if paces and all(cell.name in paces for cell in found.missing if cell.method.is_trained):
        n_records = sum(map(len, paces.values()))
        source = f"the recorded seconds of {counted(n_records, 'cell')}"
        return replace(found, paces=paces, source=source, of_records=True)
    probes = _probes(found.missing)
    for cell in probes:
        measured = measure(cell, Execution(threads=1))
        found.paces.setdefault(cell.name, []).append(measured)
    return replace(found, source=counted(len(probes), "short training") if probes else "a rule")


def _probes(cells: list[Cell]) -> list[Cell]:
    """Return the cheapest and the dearest cell of each method, as far as `MOST_PROBES` go."""
    trained = sorted((cell for cell in cells if cell.method.is_trained), key=lambda cell: (cell.name, cost(cell)))
    groups = [list(each) for _, each in groupby(trained, key=lambda cell: cell.name)]
    dearest, cheapest = [each[-1] for each in groups], [each[0] for each in groups if len(each) > 1]
    return [*dearest, *cheapest][:MOST_PROBES]


def _record(job: Job, key: str) -> CellRecord | None:
    try:
        return read_record(job.store.path(key))
    except (FileNotFoundError, Damaged):  # a run sets it aside and trains the cell again
        return None


def _is_old(record: CellRecord, cell: Cell) -> bool:
    return record.environment.get("code", cell.code) != cell.code


def _seconds(record: CellRecord) -> float:
    """Return the seconds that the training of a record took, 0 where it had none."""
    if record.members[0]["status"] == "skipped" or not record.members[0].get("budget", 1):
        return 0.0
    return sum(member.get("seconds") or 0.0 for member in record.members)


def _refusal(cell: Cell) -> str:
    """Return why a cell has no model, or why a search leaves its task out; "" for one that is trained."""
    if cell.search and cell.search.reason:
        return cell.search.reason
    try:
        assert cell.sizing
    except BudgetTooSmall as reason:
        return str(reason)
    return ""


def lines(found: Forecast) -> Iterator[str]:
    """Yield the lines of a terminal that say what a job would do."""
    job, cells = found.job, found.job.mine
    tasks = len({cell.task.name for cell in cells})
    budgets = sorted({cell.budget for cell in cells} - {0})
    share = f", shard {job.shard} of {len(job.cells)}" if len(cells) < len(job.cells) else ""
    yield f"{job.name}: {job.title}"
    yield (
        f"{counted(len(cells), 'cell')}{share}: {counted(tasks, 'task')}, "
        f"{'budget' if len(budgets) == 1 else 'budgets'} {', '.join(map(str, budgets))}"
    )
    yield from (f"{topic:10s}{remark}" for topic, remark in job.remarks)
    labels = list(dict.fromkeys(cell.name for cell in cells))
    wide = max(map(len, ["method", *labels]))
    yield f"\n{'method':{wide}s}  cells  members  there  skipped  to train{'core time':>15s}"
    for name in labels:
        yield f"{name:{wide}s}{_row(found, name)}"
    yield from _reasons(found)
    yield f"\n{_estimate(found)}"
    yield f"nothing was written; results would be in {job.results}"


def _row(found: Forecast, name: str) -> str:
    def of(cells: Iterable[Cell]) -> list[Cell]:
        return [cell for cell in cells if cell.name == name]

    mine, missing = of(found.job.mine), of(found.missing)
    members = sum(len(cell.members) for cell in mine)
    time = duration(found.seconds(missing)) if missing else "-"
    there, skipped = len(of(found.known)), len(of(cell for cell, _ in found.skipped))
    return f"{len(mine):7d}{members:9d}{there:7d}{skipped:9d}{len(missing):10d}{time:>15s}"


def _reasons(found: Forecast) -> Iterator[str]:
    """Yield why cells are skipped, one line a method and reason, with the number of cells."""
    if found.failed:
        yield f"{counted(found.failed, 'cell')} to train failed before"
    reasons: dict[str, list[Cell]] = {}
    for cell, reason in found.skipped:
        reasons.setdefault(reason, []).append(cell)
    for reason, cells in reasons.items():
        more = f" and {counted(len(cells) - 1, 'cell')} more" if len(cells) > 1 else ""
        yield f"skipped   {label(cells[0].name, cells[0].task.name, cells[0].budget)}{more}: {reason}"


def _estimate(found: Forecast) -> str:
    if not found.missing:
        return "everything is there: the run would only write its report"
    middle, (low, high) = found.seconds(found.missing), found.range()
    workers = found.job.trainer.workers_for(len(found.missing))
    said = f"about {duration(middle)} of one core ({duration(low)} to {duration(high)})"
    if workers > 1:
        said += f", {duration(middle / workers)} with {workers} workers"
    where = " (a run on CUDA takes another time)" if found.job.trainer.resolved_accelerator == "cuda" else ""
    return f"{said}: an estimate by {found.source}{where}"
