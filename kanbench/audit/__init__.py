"""The checks of `validate`: whether a folder of records holds what it should, and whether its numbers come again."""

from kanbench.audit.completeness import coverage, protocol, sizes
from kanbench.audit.finding import Check, Fault
from kanbench.audit.identity import keys, restored
from kanbench.audit.published import baselines, is_published
from kanbench.audit.retraining import again
from kanbench.audit.rows import Audited, read_audited
from kanbench.audit.values import content, numbers

__all__ = [
    "Audited",
    "Check",
    "Fault",
    "again",
    "baselines",
    "content",
    "coverage",
    "is_published",
    "keys",
    "numbers",
    "protocol",
    "read_audited",
    "restored",
    "sizes",
]
