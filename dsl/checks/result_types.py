"""Whether what an expression gives is of the type that its field declares."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.syntax.violations import Path

_ALSO_FIT: Final[Mapping[str, frozenset[str]]] = {
    "number": frozenset({"integer"}),
    "string": frozenset({"datetime", "duration"}),
    "date": frozenset({"string"}),
    "datetime": frozenset({"string"}),
    "duration": frozenset({"string"}),
}
"""What else a type takes: in JSON, times and durations are text; its form is looked at when the run has the value."""


def result_type(subject: Subject, path: Path, kind: str | None) -> Iterator[Fault]:
    """Find the expression at `path`, which gives a `kind`, where an input or output of another type is declared."""
    code, declared = _declared(subject.value, path)
    if declared is None or fits(kind, declared):
        return
    yield subject.at_value(code, f"this gives {kind}, and '{_name(path)}' is declared as {declared}", path)


def fits(kind: str | None, declared: str) -> bool:
    """Whether an expression that gives a `kind` (None: not known) may give a value of the declared type."""
    return kind in {None, "dyn", declared} or kind in _ALSO_FIT.get(declared, ())


def _declared(document: dict[str, Any], path: Path) -> tuple[str, str | None]:
    match path:
        case ("inputs", name, "default"):
            return "E0203", document["inputs"][name].get("type")
        case ("triggers", _, "inputs", name):
            return "E0215", document.get("inputs", {}).get(name, {}).get("type")
        case (str() as stage, task, "set", name):
            return "E0409", document[stage][task].get("outputs", {}).get(name)
        case _:
            return "", None


def _name(path: Path) -> str | int:
    return path[1] if path[-1] == "default" else path[-1]
