"""The execution of a system, from its settings to its files."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console

from kanbench.store.plan import join
from kanbench.systems.base import System


def run_system(system: System, words: Sequence[str], folder: Path) -> int:
    """Run a system on one thread and write its findings below `folder`; return 1 if a check fails, else 0."""
    torch.set_num_threads(1)
    command, here = join(words), Path.cwd()
    folder = folder.relative_to(here) if folder.is_relative_to(here) else folder
    console = Console(highlight=False, markup=False)
    started = time.perf_counter()
    findings = system.run(console)
    seconds = time.perf_counter() - started
    about = {"system": type(system).__name__, "settings": asdict(system), "command": command, "seconds": seconds}
    figures = findings.write(folder, about)
    findings.say(console)
    console.print(f"\n{sum(c.holds for c in findings.checks)} of {len(findings.checks)} checks hold; {seconds:.0f} s")
    for path in figures:
        console.print(f"figure    {path}", soft_wrap=True)
    console.print(f"findings  {folder / 'findings.json'}", soft_wrap=True)
    console.print(f"again     {command}", soft_wrap=True)
    return 0 if findings.hold else 1
