"""`list [SUITE]`: the suites and the systems, or the tasks of one suite."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from kanbench.cli.command import Command, add_config_dir
from kanbench.cli.output import complain
from kanbench.config.options import headline, options, own_folder, suite_of
from kanbench.errors import UnknownName, UsageError, counted

if TYPE_CHECKING:
    from kanbench.data import EquationTask, FormulaTask, Suite, TableTask, Variable


def add(parser: ArgumentParser) -> None:
    """Add the suite."""
    parser.add_argument(
        "suite",
        metavar="SUITE",
        nargs="?",
        help="list the tasks of this suite, a name or a file, with formulas and ranges",
    )
    add_config_dir(parser)


def list_tasks(given: Namespace) -> int:
    """List all suites and systems, or the tasks of the suite that is given."""
    own = own_folder(given.config_dir)
    mine = _own_suites(own)
    if given.suite is None:
        return _list_all(own, mine)
    from kanbench.data import BUNDLED, EquationTask, MissingPackage, find_suite
    from kanbench.files.yaml_file import FileError

    try:
        suite = find_suite(mine.get(given.suite, given.suite))
    except (UnknownName, MissingPackage, FileError) as error:
        raise UsageError(str(error)) from error
    if suite.name == BUNDLED:
        _list_tables(suite)
    elif isinstance(suite.tasks[0], EquationTask):
        _list_equations(suite)
    else:
        _list_formulas(suite)
    return 0


def _own_suites(own: Path | None) -> dict[str, str]:
    """Return the files of suites that the user's own configs name, by the option of the group `data`."""
    found = {name: suite_of(path) for name, path in options("data", own).items()} if own else {}
    return {name: suite for name, suite in found.items() if suite.endswith((".yaml", ".yml"))}


def _list_all(own: Path | None, mine: dict[str, str]) -> int:
    """Print suites and systems; a suite whose file is faulty is said and hides no other."""
    from kanbench.data import BUNDLED, find_suite, suite_names
    from kanbench.data.bundled import NAMES, TITLE
    from kanbench.data.formula_task import EXAMPLE
    from kanbench.files.yaml_file import FileError

    faults = []
    for name, suite in {**{name: name for name in suite_names()}, **mine}.items():
        try:
            known = find_suite(suite)
            print(f"{name:14s} {counted(len(known.tasks), 'task'):>10s}  {known.title}")
        except FileError as error:
            faults.append(error)
    print(f"{BUNDLED:14s} {counted(len(NAMES), 'task'):>10s}  {TITLE}")
    print("\nyour own suite:   data.suite=my_suite.yaml")
    print("your own formula: " + EXAMPLE)
    print("your own table:   data=table data.path=my.csv data.target=y")
    print("\nsystems, run by experiment=NAME:")
    for name, path in options("system", own).items():
        print(f"{name:20s} {headline(path)}", flush=True)
    return max(map(complain, faults), default=0)


def _list_tables(suite: "Suite[TableTask]") -> None:
    for task in suite.tasks:
        target = task.target if isinstance(task.target, str) else ", ".join(task.target)
        kind = f"{len(task.classes)} classes" if task.classes else f"regression of {target}"
        names = task.inputs if len(task.inputs) <= 5 else (*task.inputs[:4], "...", task.inputs[-1])
        note = f" ({task.note})" if task.note else ""
        print(f"{task.name}\n    {kind}, {counted(task.n_rows, 'row')}, {counted(task.n_inputs, 'input')}{note}")
        print(f"    {', '.join(names)}", flush=True)


def _ranges(variables: "tuple[Variable, ...]") -> str:
    return ", ".join(
        f"{v.name} in [{v.low:.4g}, {v.high:.4g}]" + (f"^{v.size}" if v.size > 1 else "") for v in variables
    )


def _list_equations(suite: "Suite[EquationTask]") -> None:
    for task in suite.tasks:
        print(f"{task.name}\n    {task.residual} = 0\n    {_ranges(task.variables)}")
        for each in task.conditions:
            print(f"    {each.residual} {f'periodic in {each.where}' if each.is_periodic else f'= 0 at {each.where}'}")
        for unknown in task.coefficients:
            print(f"    {unknown.name} is unknown: {unknown.exact:g} is to be found from {unknown.start:g}")
        print(
            f"    solution: {task.exact or f'the solver {task.reference}'}{f' ({task.note})' * bool(task.note)}",
            flush=True,
        )


def _list_formulas(suite: "Suite[FormulaTask]") -> None:
    for task in suite.tasks:
        ranges = _ranges(task.variables)
        twin = f"  (same problem as {task.same_as})" if task.same_as else ""
        note = f"\n    {task.note}" if task.note else ""
        print(f"{task.name}{twin}\n    {task.formula}\n    {ranges}{note}", flush=True)


COMMAND = Command(
    line="list the suites and the systems, or the tasks of one suite",
    run=list_tasks,
    add=add,
    takes="takes at most one suite: python -m kanbench list feynman",
)
