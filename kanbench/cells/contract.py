"""The contract of models from elsewhere, checked before the first training: each check finds a fault in one sentence.

The checks take the model somewhat wider than its narrowest width, where a normalization over one value would still be
a constant, on a few rows, in the precision of the run; together they take about a tenth of a second.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch

from kanbench.cells.subject import ROWS, ContractFault, Subject, stepped, trained
from kanbench.errors import counted
from kanbench.methods import NetworkMethod
from kanbench.methods.own import OwnFault
from kanbench.training.architecture import require_one_architecture
from kanbench.training.looped import ensemble_of

MANY = 200  # rows of a larger batch
LARGEST = {torch.float64: 1e-6, torch.float32: 1e-3}  # relative difference of what must be equal but for rounding
NEARLY = 1e-2  # relative difference of what may be found by least squares, and of a slope from its difference
DIRECTIONS = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    check: what was checked.   said: what was found, or the fault.   is_fault: whether the model cannot be trained.
    is_remark: whether who starts a run should know it.
    """

    check: str
    said: str
    is_fault: bool = False
    is_remark: bool = False


def builds(on: Subject) -> str:
    """Find the narrowest width that builds, and a wider one with more parameters."""
    try:
        few, many = (on.method.count(on.n_in, nodes, on.n_out) for nodes in (on.nodes, on.more))
    except OwnFault as fault:
        raise ContractFault(str(fault)) from fault
    narrow, wide = on.widths
    if not few:
        raise ContractFault("no parameter that is trained reaches its output")
    if few == many:
        raise ContractFault(f"its parameters do not grow with the width: {few} at widths {narrow} and {wide}")
    return f"width {narrow}: {counted(few, 'parameter')}; width {wide}: {many}"


def has_outputs(on: Subject) -> str:
    """Look at shape, precision and values of the outputs."""
    output, shape = on.outputs(on.model, on.rows()), (ROWS, on.n_out)
    if tuple(output.shape) != shape:
        raise ContractFault(f"its output has shape {tuple(output.shape)} for {ROWS} rows, and must have {shape}")
    if output.dtype != on.dtype:
        raise ContractFault(f"its output is {output.dtype} where parameters and inputs are {on.dtype}")
    if not output.isfinite().all():
        raise ContractFault("its output is not finite at the start")
    if not torch.equal(output, on.outputs(on.model, on.rows())):
        raise ContractFault("its output changes from call to call, although it is in evaluation mode")
    return f"({ROWS}, {on.n_in}) to {shape} in {str(on.dtype).removeprefix('torch.')}"


def uses_its_parameters(on: Subject) -> str:
    """Name the parameters that never reach the output, which are frozen and do not count."""
    unused = getattr(on.model, "unused", ())
    if not unused:
        return "all of them reach the output"
    sizes = dict(on.model.named_parameters())
    number = sum(sizes[name].numel() for name in unused)
    names = ", ".join(name.removeprefix("inner.") for name in unused[:3]) + (", .." if len(unused) > 3 else "")
    return f"!{counted(number, 'parameter')} never reach the output, are frozen and do not count: {names}"


def repeats(on: Subject) -> str:
    """Build with one seed twice, and with another."""
    again, other = on.build(0), on.build(1)
    x = on.rows()
    here, there = on.outputs(on.model, x), on.outputs(again, x)
    if not torch.allclose(here, there, rtol=NEARLY, atol=NEARLY * float(here.abs().max())):
        raise ContractFault("two models of one seed differ: draw from torch's, NumPy's or random's global generator")
    pairs = zip(trained(on.model), trained(other), strict=True)
    if all(torch.equal(a, b) for a, b in pairs):
        raise ContractFault(
            "two models of different seeds are equal, so all members would be: take a parameter `seed`, or draw from "
            "torch's generator without seeding it"
        )
    if all(torch.equal(a, b) for a, b in zip(trained(on.model), trained(again), strict=True)):
        return "one seed repeats to the last bit, two differ"
    return "!one seed repeats to rounding only, so results do too"


def keeps_rows_apart(on: Subject) -> str:
    """Exchange all rows but the first few, reverse them, and leave out some or add many."""
    x, half = on.rows(), ROWS // 2
    for model in (on.model, on.moved):
        before = on.outputs(model, x)
        largest = LARGEST[on.dtype] * float(before.abs().max())
        for other in (on.rows(1)[half:], x[:0], on.rows(1, MANY)):
            after = on.outputs(model, torch.cat([x[:half], other]))[:half]
            if not torch.allclose(after, before[:half], rtol=LARGEST[on.dtype], atol=largest):
                raise ContractFault("the output of a row depends on the other rows of the batch, or on their number")
        if not torch.allclose(on.outputs(model, x.flip(0)).flip(0), before, rtol=LARGEST[on.dtype], atol=largest):
            raise ContractFault("the output of a row depends on the other rows of the batch, or on its place in it")
    return "a row's output depends on no other row"


def stays_in_evaluation(on: Subject) -> str:
    """Compare with training mode, which dropout and batch normalization are made for."""
    training = deepcopy(on.moved)
    for module in training.modules():
        module.training = True
    try:
        differs = not torch.equal(on.outputs(training, on.rows()), on.outputs(on.moved, on.rows()))
    except ContractFault:
        differs = True
    if differs:
        return (
            "!it does something else in training mode, as dropout and batch normalization do; every model here is "
            "trained in evaluation mode, so that this never happens"
        )
    return "training mode would change nothing"


def varies(on: Subject) -> str:
    """Look for outputs that no input changes, after a random step."""
    output = on.outputs(on.moved, on.rows())
    spread = float((output.amax(0) - output.amin(0)).max())
    if not spread > LARGEST[on.dtype] * 1e-2 * max(1.0, float(output.abs().max())):
        raise ContractFault("its output is a constant: all rows give the same, as a LayerNorm over one value does")
    return "outputs differ between rows"


def has_true_gradients(on: Subject) -> str:
    """Compare autograd with central differences along random directions."""
    worst = sorted(slope_errors(on))[DIRECTIONS // 2]  # a kink may spoil one of them
    if worst > NEARLY * (1 if on.dtype == torch.float64 else 5):
        raise ContractFault(f"its gradient is {worst:.0%} off a central difference: its backward is wrong")
    return f"gradient and central difference agree to {max(worst, 1e-12):.0e}"


def slope_errors(on: Subject) -> Iterator[float]:
    """Yield the relative error of the gradient along each random direction."""
    model, x = on.moved, on.rows()
    parameters = trained(model)
    weights = on.rows(2, n=ROWS)[:, :1] + 1.5
    try:
        with torch.enable_grad():
            gradients = torch.autograd.grad((weights * model(x)).sum(), parameters, allow_unused=True)
    except Exception as error:
        raise ContractFault(f"it cannot be differentiated: {on.method.said(error)}") from error
    eps = 1e-5 if on.dtype == torch.float64 else 3e-3
    for seed in range(DIRECTIONS):
        draws = torch.Generator().manual_seed(seed)
        steps = [
            torch.randn(p.shape, generator=draws, dtype=torch.float64).to(p) * (0.1 + p.detach().abs())
            for p in parameters
        ]
        slope = sum(float((g * s.detach()).sum()) for g, s in zip(gradients, steps, strict=True) if g is not None)
        ends = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                for parameter, step in zip(parameters, steps, strict=True):
                    parameter.add_(step, alpha=sign * eps)
                ends.append(float((weights * model(x)).double().sum()))
                for parameter, step in zip(parameters, steps, strict=True):
                    parameter.sub_(step, alpha=sign * eps)
        difference = (ends[0] - ends[1]) / (2 * eps)
        size = max(abs(slope), abs(difference))
        rounding = torch.finfo(on.dtype).eps * max(map(abs, ends)) / eps
        yield max(0.0, abs(slope - difference) - 10.0 * rounding) / size if size else 0.0


def tells_inputs_apart(on: Subject) -> str:
    """Look for a first layer that keeps only the order of two inputs, as a LayerNorm over them does."""
    if on.n_in != 2:
        return "more than the order of the inputs matters"
    x = on.rows()
    low, high = x.amin(1), x.amax(1) + 0.3
    spreads = []
    for pair in ((low, high), (high, low)):
        output = on.outputs(on.moved, torch.stack(pair, dim=1))
        spreads.append(float((output.amax(0) - output.amin(0)).max()))
    whole = on.outputs(on.moved, x)
    if max(spreads) < NEARLY * float((whole.amax(0) - whole.amin(0)).max()):
        return "!only the order of its two inputs matters, as after a LayerNorm over them: errors will be large"
    return "more than the order of the inputs matters"


def batches(on: Subject) -> str:
    """Compare members with plain modules, and say whether they are batched."""
    models, x = [on.moved, stepped(on.build(1), 2), stepped(on.build(2), 3)], on.rows()
    try:
        require_one_architecture(models)
    except ValueError as error:
        raise ContractFault(f"its members are of different shapes, one seed and another: {error}") from error
    ensemble, each = ensemble_of(models), x.expand(len(models), -1, -1)
    try:
        predicted = ensemble.predict(ensemble.start, each)
        ensemble.gradients(ensemble.start, each, torch.zeros_like(predicted))
    except Exception as error:
        raise ContractFault(
            f"its tensors cannot be exchanged for those of a member: {on.method.said(error)}; keep all of them as "
            "parameters and buffers"
        ) from error
    together = predicted.reshape(len(models), ROWS, -1)
    for m, model in enumerate(models):
        alone = on.outputs(model, x)
        if not torch.allclose(together[m], alone, rtol=NEARLY, atol=NEARLY * float(alone.abs().max())):
            raise ContractFault(
                "its members have state that is no parameter and no buffer: register_buffer lets each keep its own"
            )
    if ensemble.is_batched:
        return "members are computed at once"
    return "!members are computed one after the other (vmap does not take them): seeds cost their full price"


def knows_its_source(on: Subject) -> str:
    """Name the modules whose changes would go unnoticed."""
    outside = getattr(on.method, "outside", [])
    return f"!{unseen(outside)}" if outside else "changes of its files are seen"


def unseen(modules: Sequence[str]) -> str:
    """Say which modules of other folders a source imports."""
    return (
        f"it imports {' and '.join(modules)} from another folder, which its hash does not see: after a change there, "
        "old results would be taken for new ones; files beside it, or in its package, are seen"
    )


CHECKS: dict[str, Callable[[Subject], str]] = {  # in this order: later ones rely on earlier ones
    "builds": builds,
    "output": has_outputs,
    "parameters": uses_its_parameters,
    "seeds": repeats,
    "rows": keeps_rows_apart,
    "mode": stays_in_evaluation,
    "varies": varies,
    "gradient": has_true_gradients,
    "inputs": tells_inputs_apart,
    "members": batches,
    "source": knows_its_source,
}


def outcomes(checks: Mapping[str, Callable[[T], str]], subject: T) -> Iterator[Finding]:
    """Yield the outcome of every check of a subject, up to the first fault. What a check says after "!" is a remark."""
    for name, check in checks.items():
        try:
            found = check(subject)
        except (ContractFault, OwnFault) as fault:
            yield Finding(name, " ".join(str(fault).split()), is_fault=True)
            return
        yield Finding(name, found.removeprefix("!"), is_remark=found.startswith("!"))


def findings(method: NetworkMethod, n_in: int, n_out: int = 1, dtype: torch.dtype = torch.float64) -> Iterator[Finding]:
    """Yield the outcome of every check, up to the first fault."""
    return outcomes(CHECKS, Subject(method, n_in, n_out, dtype))


def check_contract(method: NetworkMethod, n_in: int, n_out: int, dtype: torch.dtype) -> list[str]:
    """Check a method from elsewhere and return remarks on it; others need no check.

    Raises:
        ContractFault: The first fault.
    """
    if not method.is_foreign:
        return []
    remarks = []
    for finding in findings(method, n_in, n_out, dtype):
        if finding.is_fault:
            raise ContractFault(f"{method.label}: {finding.said}")
        remarks += [f"{method.label}: {finding.said}"] * finding.is_remark
    return remarks
