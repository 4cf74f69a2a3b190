"""The machine and the settings of a record."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from kanbench.store import provenance


def machine(device: torch.device) -> dict[str, Any]:
    """Return the facts that must be equal for two measurements to share a record."""
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "commit": provenance.commit(),
        "versions": provenance.environment(),
    }


def cpu_name() -> str:
    """Return the CPU's name on Linux, with family and model, since virtual machines often hide the name proper."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name", platform.processor())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name
