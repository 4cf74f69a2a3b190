"""Where and how a record was made."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from kanbench.store import provenance


def machine(device: torch.device) -> dict[str, Any]:
    """What has to be equal for two measurements to stand in one record."""
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "commit": provenance.commit(),
        "versions": provenance.environment(),
    }


def cpu_name() -> str:
    """As Linux names it, with family and model, because virtual machines often hide the name proper."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name", platform.processor())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name
