"""Two workflows of one name among the files loaded together."""

from collections.abc import Iterable
from typing import Protocol

from dsl.diagnostics import Diagnostic, Fault, Span, diagnostic
from dsl.model import Workflow


class Placed(Protocol):
    """A loaded workflow: what it is and where it begins."""

    @property
    def workflow(self) -> Workflow: ...  # noqa: D102
    @property
    def file(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102


def duplicate_names(workflows: Iterable[Placed]) -> list[Diagnostic]:
    """Return a diagnostic for every workflow whose namespace and name an earlier one has."""
    first: dict[tuple[str, str], Placed] = {}
    found: list[Diagnostic] = []
    for item in workflows:
        other = first.setdefault((item.workflow.namespace, item.workflow.name), item)
        if other is not item:
            found.append(_diagnostic(item, other))
    return found


def _diagnostic(item: Placed, other: Placed) -> Diagnostic:
    name = f"{item.workflow.namespace}/{item.workflow.name}"
    message = f"the workflow '{name}' is already defined in {other.file}:{other.line}"
    span = Span(item.line, 1, item.line, 2)
    return diagnostic(Fault("E0201", message, span, "give one of them another name"), item.file)
