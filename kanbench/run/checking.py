"""The contract of a model, printed check by check before anything is trained."""

from collections.abc import Iterator

from omegaconf import DictConfig
from rich.console import Console

from kanbench.cells.basis_contract import findings_of_basis
from kanbench.cells.contract import CHECKS, Finding, findings
from kanbench.config.read import read_basis, read_model
from kanbench.errors import ConfigError, counted
from kanbench.methods import NetworkMethod


def check_model(node: DictConfig, console: Console) -> None:
    """Print the outcome of every check of the model of a config, for each number of inputs and outputs of its tasks.

    Args:
        node: The composed YAML.
        console: Where the outcomes are printed.

    Raises:
        ConfigError: The config cannot be read, or the model breaks the contract.
    """
    method, shapes, precision = read_model(node)
    for i, (n_in, n_out) in enumerate(shapes):
        title = f"{counted(n_in, 'input')}, {counted(n_out, 'output')}, {precision.value} precision"
        console.print(f"{method.label}: {title}")
        for finding in _shown(list(findings(method, n_in, n_out, precision.dtype)), whole=i == 0):
            _print(finding, console)
            if finding.is_fault:
                raise ConfigError(_fault(method, finding))


def check_basis(node: DictConfig, console: Console) -> None:
    """Print the outcome of every check of the basis of a config.

    Args:
        node: The composed YAML.
        console: Where the outcomes are printed.

    Raises:
        ConfigError: The basis cannot be made, or it breaks the contract.
    """
    basis = read_basis(node)
    console.print(f"{basis}")
    for finding in findings_of_basis(basis):
        _print(finding, console)
        if finding.is_fault:
            raise ConfigError(f"basis: {type(basis).__name__}: {finding.said}")


def _print(finding: Finding, console: Console) -> None:
    mark = "fault" if finding.is_fault else "note" if finding.is_remark else "ok"
    console.print(f"  {mark:6s}{finding.check:11s}{finding.said}")


def _shown(found: list[Finding], *, whole: bool) -> Iterator[Finding]:
    """Yield all findings, or only those that are no plain success, which one line sums up."""
    told = found if whole else [finding for finding in found if finding.is_fault or finding.is_remark]
    yield from told
    if len(told) < len(found):
        yield Finding("the rest", f"{len(found) - len(told)} of {len(CHECKS)} checks pass as above")


def _fault(method: NetworkMethod, finding: Finding) -> str:
    return f"model: {method.label}: {finding.said}"
