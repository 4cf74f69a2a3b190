"""Measure, print tables and write a record: `python -m benchmarks`."""

import argparse
import json
import shlex
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import (
    costs,
    ensembles,
    equations,
    estimators,
    layers,
    lm_step,
    main_job,
    overhead,
    reproduced,
    scale,
    startup,
    time_to_error,
)
from benchmarks.machine import machine
from benchmarks.measurement import Settings
from benchmarks.tables import show
from kanbench.cells.cost import keep_freed_memory

BENCHMARKS = {
    "layers": layers.run,
    "ensembles": ensembles.run,
    "lm_step": lm_step.run,
    "equations": equations.run,
    "costs": costs.run,
    "time_to_error": time_to_error.run,
    "overhead": overhead.run,
    "scale": scale.run,
    "main_job": main_job.run,
    "estimators": estimators.run,
    "startup": startup.run,
    "reproduced": reproduced.run,
}
RECORDS = Path(__file__).parent / "records"
WIDTH = 100  # of the output if there is no terminal


def main() -> None:
    """Run the chosen benchmarks; the record is written after each, so that a stop loses at most one."""
    arguments = parse()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    out = arguments.out or RECORDS / f"{'quick' if arguments.quick else datetime.now(UTC).date()}.json"
    settings = Settings(
        device=torch.device(arguments.device),
        quick=arguments.quick,
        peers=arguments.peers,
        seeds=1 if arguments.quick else arguments.seeds,
        equations=arguments.equations,
        partial=out.with_suffix(".partial.jsonl"),
        console=console,
    )
    record = open_record(out, settings)
    out.parent.mkdir(parents=True, exist_ok=True)
    if settings.quick:
        console.print("a smoke run: its numbers mean nothing\n", style="yellow")
    for name in arguments.names or BENCHMARKS:
        console.print(name, style="bold green")
        started = time.perf_counter()
        result = BENCHMARKS[name](settings)
        show(console, result)
        console.print(f"  {time.perf_counter() - started:.0f} s\n", style="dim")
        record["benchmarks"][name] = asdict(result)
        out.write_text(json.dumps(record, indent=1))
    console.print(f"record    {out}\nmarkdown  python -m benchmarks.tables {out}")


def parse() -> argparse.Namespace:
    """Parse the command line; a mistake gives one sentence and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="folder of the cloned peers, see README.md")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the record; an existing one is continued")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, help="threads of torch; default: the number of physical cores")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds of time_to_error and estimators")
    parser.add_argument("--equations", default="*", metavar="PATTERN", help="equations of time_to_error")
    parser.add_argument("--quick", action="store_true", help="a smoke run under a minute; its numbers mean nothing")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"NAME: {name!r} is not a benchmark; allowed: {', '.join(BENCHMARKS)}")
    if arguments.peers is not None and not arguments.peers.is_dir():
        parser.error(f"--peers: {arguments.peers} is no folder")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device: no CUDA device is there; allowed here: cpu")
    return arguments


def open_record(out: Path, settings: Settings) -> dict[str, Any]:
    """Open a record: a new one, or an existing one that was made on the same machine in the same way."""
    record: dict[str, Any] = {
        "machine": machine(settings.device),
        "quick": settings.quick,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "benchmarks": {},
    }
    if out.exists() and not settings.quick:
        earlier = json.loads(out.read_text())
        if earlier["machine"] != record["machine"]:
            sys.exit(f"{out}: made by another machine, commit, device or number of threads; choose another --out")
        record["benchmarks"] = earlier["benchmarks"]
    return record


if __name__ == "__main__":
    main()
