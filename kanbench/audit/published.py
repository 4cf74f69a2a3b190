"""The check of a published study: its table holds the simple methods that others are compared with."""

from kanbench.analysis.baselines import STUDY, say_missing
from kanbench.audit.finding import Check, Fault
from kanbench.audit.rows import Audited


def is_published(audited: Audited) -> bool:
    """Return whether a folder describes a published study."""
    return (audited.source / STUDY).is_file()


def baselines(audited: Audited) -> Check:
    """Check that a published table has the references and MLPs of one to three hidden layers."""
    missing = say_missing(audited.frame())
    faults = (Fault(str(audited.source), "", missing),) if missing else ()
    return Check("baselines", "a published study with references and MLPs of depths 1 to 3", faults)
