"""Which events somebody wants: by kind, namespace, workflow and source."""

from dataclasses import dataclass
from typing import Protocol

from dsl.namespaces import allows


class Told(Protocol):
    """What is looked at of an event."""

    @property
    def kind(self) -> str:
        """Its kind."""

    @property
    def namespace(self) -> str:
        """The namespace that it is of; empty: none."""

    @property
    def workflow(self) -> str:
        """The workflow that it is of; empty: none."""

    @property
    def source(self) -> str:
        """The source that it is of; empty: none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must hold of an event, all of it; what is empty does not narrow.

    `kinds` are kinds, or what they begin with up to a dot (`run.*`). `namespaces` are namespaces (`data`), or one with
    those below it (`data.*`). `workflow` is namespace and name.
    """

    kinds: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    workflow: tuple[str, str] | None = None
    source: str = ""

    def takes(self, event: Told) -> bool:
        """Whether the event is wanted."""
        if self.kinds and not any(_of_kind(event.kind, kind) for kind in self.kinds):
            return False
        if self.namespaces and not (event.namespace and allows(self.namespaces, event.namespace)):
            return False
        if self.workflow is not None and self.workflow != (event.namespace, event.workflow):
            return False
        return not self.source or self.source == event.source


def _of_kind(kind: str, wanted: str) -> bool:
    return kind.startswith(wanted[:-1]) if wanted.endswith(".*") else kind == wanted
