"""The checks of `validate`: whether a folder of records holds what it should, and whether its numbers come again."""

from kanbench.audit.again import again
from kanbench.audit.content import content, numbers
from kanbench.audit.coverage import coverage, protocol, sizes
from kanbench.audit.finding import Check, Fault
from kanbench.audit.keys import keys, restored
from kanbench.audit.rows import Audited, read_audited

__all__ = [
    "Audited",
    "Check",
    "Fault",
    "again",
    "content",
    "coverage",
    "keys",
    "numbers",
    "protocol",
    "read_audited",
    "restored",
    "sizes",
]
