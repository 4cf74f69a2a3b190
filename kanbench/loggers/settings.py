"""Settings of the loggers."""

import re
from dataclasses import dataclass
from enum import StrEnum, auto
from importlib.util import find_spec

from kanbench.errors import installs, require


class LoggerKind(StrEnum):
    """The place where training is logged beside the records."""

    none = auto()
    csv = auto()
    wandb = auto()


class WandbMode(StrEnum):
    """The use of the network by W&B."""

    offline = auto()
    online = auto()


@dataclass(frozen=True)
class LoggerConfig:
    """Settings of a logger; `project`, `entity` (a user or team; "": your default) and `mode` are W&B's.

    `system_metrics`: sample metrics of the machine during training, into a W&B run of their own. `statistics`: store
    statistics of every layer at every check, in the record's curve and the log; this changes no other number.
    """

    kind: LoggerKind = LoggerKind.none
    project: str = "kanbench"
    entity: str = ""
    mode: WandbMode = WandbMode.offline
    system_metrics: bool = False
    statistics: bool = False

    def __post_init__(self) -> None:
        for name, value in (("project", self.project), ("entity", self.entity or "default")):
            fine = value.isprintable() and value.strip() and re.fullmatch(r"[^/\\#?%:]{1,128}", value)
            require(bool(fine), name, "must be 1 to 128 printable letters, none of / \\ # ? % :", value)
        if self.kind is LoggerKind.wandb and find_spec("wandb") is None:
            raise ValueError(f"kind is wandb, but that package is not installed: {installs('wandb')}")
