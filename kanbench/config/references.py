"""The references of a run, from `references` and `unknowns` of a composed YAML."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from kanbench.config.typed import scalar
from kanbench.errors import ConfigError
from kanbench.methods import Method, references_of
from kanbench.methods.reference import EQUATION

MOST_UNKNOWNS = 100_000


def read_references(node: DictConfig, kind: str, budgets: Sequence[int]) -> tuple[Method, ...]:
    """Return the references that a config asks for.

    Args:
        node: The composed YAML; one of one's own may lack `unknowns`.
        kind: What the grading of its tasks names.
        budgets: The numbers of parameters of the run.

    Raises:
        ConfigError: Further unknowns are no positive integers, or the tasks are no equations.
    """
    unknowns = _unknowns(node)
    if unknowns and kind != EQUATION:
        raise ConfigError(f"unknowns: must be [], since solvers are for differential equations, got {list(unknowns)}")
    return references_of(kind, budgets, unknowns) if scalar(node, "references", bool) else ()


def _unknowns(node: DictConfig) -> tuple[int, ...]:
    given = node.get("unknowns", [])
    values: list[Any] = list(given) if OmegaConf.is_list(given) or given == [] else [None]
    if not all(type(each) is int and 0 < each <= MOST_UNKNOWNS for each in values):
        raise ConfigError(f"unknowns: must be a list of positive integers up to {MOST_UNKNOWNS:,}, got {given!r}")
    return tuple(values)
