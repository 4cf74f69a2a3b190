"""Equations as people write them in the YAML of a suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kanbench.data.equations.box import Box
from kanbench.data.equations.conditions import Condition
from kanbench.data.equations.expression import HIGHEST, UNKNOWN, Expression, derivative, derivatives
from kanbench.data.equations.hard import HardForm
from kanbench.data.equations.task import Coefficient, EquationTask
from kanbench.data.formula_task import Variable
from kanbench.files.yaml_file import Node

BOUNDARY = "boundary"
REQUIRED = ("name", "residual", "variables", "conditions")
OPTIONAL = ("exact", "reference", "coefficients", "hard", "same_as", "source", "note", "smooth")


def read_equation(entry: Node, source: str, read_variables: Callable[[Node], tuple[Variable, ...]]) -> EquationTask:
    """Read a task whose entry in a suite has a residual.

    Args:
        entry: The entry: name, residual, variables and conditions; exact or reference; and coefficients, each with its
            start and its true value, where an inverse problem has some.
        source: The source of the suite, for an entry without one of its own.
        read_variables: It reads the variables of the entry.

    Raises:
        FileError: A value is missing or of a wrong type.
        ValueError: They are no equation with conditions.
    """
    content = entry.fields(*REQUIRED, optional=OPTIONAL)
    texts: dict[str, Any] = {
        key: content[key].text() for key in ("exact", "reference", "same_as", "note") if key in content
    }
    if "smooth" in content:
        texts["smooth"] = content["smooth"].flag()
    coefficients = content["coefficients"].entries() if "coefficients" in content else {}
    variables = read_variables(content["variables"])
    reader = _Conditions(Box(variables), content["residual"].text(), tuple(coefficients))
    return EquationTask(
        name=content["name"].text(),
        residual=content["residual"].text(),
        variables=variables,
        conditions=tuple(each for node in content["conditions"].items() for each in reader.read(node)),
        coefficients=tuple(_coefficient(name, node) for name, node in coefficients.items()),
        form=_hard(content["hard"]) if "hard" in content else None,
        source=content["source"].text() if "source" in content else source,
        **texts,
    )


def _hard(node: Node) -> HardForm:
    content = node.fields("boundary", "factor")
    return HardForm(content["boundary"].text(), content["factor"].text())


def _coefficient(name: str, node: Node) -> Coefficient:
    content = node.fields("start", "exact")
    return Coefficient(name, content["start"].number(), content["exact"].number())


@dataclass(frozen=True)
class _Conditions:
    """A reader of the conditions of one equation."""

    box: Box
    residual: str
    coefficients: tuple[str, ...]

    def read(self, node: Node) -> Iterator[Condition]:
        """Yield what one entry means: "boundary" is a condition for each face, periodic one for u and maybe for u_x."""
        content = node.entries()
        weight = content["weight"].number() if "weight" in content else 1.0
        if weight < 0:
            raise content["weight"].fault("must not be negative")
        if "periodic" in content:
            node.fields("periodic", optional=("weight",))
            for name, of in self._periodic(content["periodic"]):
                yield Condition(name, of, is_periodic=True, weight=weight)
            return
        residual = self._residual(node)
        for where in self._places(content["where"].text()):
            yield Condition(where, residual, weight=weight)

    def _periodic(self, node: Node) -> Iterator[tuple[str, str]]:
        name, names = node.text(), self.box.names
        if name not in names:
            raise node.fault(f"must be a variable: {', '.join(names)}")
        yield name, derivative((), names)
        if Expression(self.residual, names, self.coefficients).order_in(names.index(name)) == HIGHEST:
            yield name, derivative((names.index(name),), names)

    def _residual(self, node: Node) -> str:
        """Return the residual of {where, u: value}, of {where, u_x: value}, or of {where, residual}."""
        names = sorted(derivatives(self.box.names))
        given = [key for key in node.entries() if key == UNKNOWN or key.startswith(f"{UNKNOWN}_")]
        content = node.fields("where", optional=("weight", "residual", *names, *given))
        if len(given) + ("residual" in content) != 1:
            raise node.fault("must have where, and one of u, a derivative such as u_x, or residual")
        if not given:
            return content["residual"].text()
        value = content[given[0]]
        text = value.text() if isinstance(value.value, str) else repr(value.number())
        return given[0] if text.strip() == "0" else f"{given[0]}-({text})"

    def _places(self, where: str) -> list[str]:
        if where != BOUNDARY:
            return [where]
        return [f"{each.name}={end!r}" for each in self.box.variables for end in (each.low, each.high)]
