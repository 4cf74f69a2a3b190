"""Find the files that kanbench needs and that are no code, in a checkout and in an installed wheel alike."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def shipped(name: str) -> Path:
    """Return the folder `name` that comes with kanbench: "conf", the config groups, or "results", the studies.

    A wheel carries it inside the package (`pyproject.toml` says what travels); in a checkout it is beside the package.
    """
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name
