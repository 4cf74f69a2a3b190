"""Where numbers come from: versions, commit and machine."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from kanbench import __version__

PACKAGES = ("torch", "numpy", "scipy", "lightning", "hydra-core")


@cache
def commit() -> str:
    """The git commit of this checkout, with "+" if tracked files differ from it; "" outside a checkout."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


@cache
def environment() -> dict[str, str]:
    """Versions of what the numbers depend on, and the kind of machine."""
    return {
        "kanbench": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "machine": platform.machine(),
        "system": platform.system(),
    }
