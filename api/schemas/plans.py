"""Plans: files that are sent, and what applying them would do."""

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from api.schemas.base import Answer, Ask
from api.schemas.fields import ChangedField
from dsl.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.services.plans import Change
    from engine.services.plans import SourcePlan as Planned

Action = Literal["added", "returned", "changed", "renamed", "moved", "removed", "waits", "held"]
Relation = Literal["same", "newer", "older", "rewritten"]
REVISING = frozenset({"added", "returned", "changed", "renamed", "moved", "removed"})
"""What changes something, rather than saying why nothing is."""


class PlanRequest(Ask, frozen=True, kw_only=True):
    """All the workflow files of a source: the text of each by its path from the source's root."""

    files: dict[str, str]


class PlannedTrigger(Answer, frozen=True, kw_only=True):
    """A trigger and its next three nominal times; null where it is not there, empty where it does not fire."""

    name: str
    kind: str
    before: list[datetime] | None
    after: list[datetime] | None


class RunsInFlight(Answer, frozen=True, kw_only=True):
    """Runs that have not ended; they stay on the revision they have. `ids` are the newest twenty."""

    count: int
    ids: list[str]


class PlannedChange(Answer, frozen=True, kw_only=True):
    """What becomes of one workflow (`namespace/name`).

    `pinned` is the revision that it stays at, because somebody holds it there; null where nobody does. `restored`: it
    is live without its file.
    """

    action: Action
    workflow: str
    path: str | None
    former_name: str | None
    former_path: str | None
    fields: list[ChangedField]
    triggers: list[PlannedTrigger]
    paused: bool
    pinned: int | None = None
    restored: bool = False
    runs_in_flight: RunsInFlight

    @classmethod
    def of(cls, item: "Change") -> Self:
        """Return a change as it is shown."""
        return cls(
            action=item.action.value,
            workflow=item.workflow,
            path=item.path,
            former_name=item.former_name,
            former_path=item.former_path,
            fields=[ChangedField.of(entry) for entry in item.fields],
            triggers=[
                PlannedTrigger(
                    name=entry.name,
                    kind=entry.kind,
                    before=None if entry.before is None else list(entry.before),
                    after=None if entry.after is None else list(entry.after),
                )
                for entry in item.triggers
            ],
            paused=item.paused,
            pinned=item.pinned,
            restored=item.restored,
            runs_in_flight=RunsInFlight(count=item.running.count, ids=list(item.running.ids)),
        )


class SourcePlan(Answer, frozen=True, kw_only=True):
    """What applying files to a source would do; nothing of it where `rejected`.

    `commit` is whose files they are, null for files that were sent; `live_version` is what the source has live, and
    `relation` how the commit stands to it: `same`, `newer` (it holds it), `older`, `rewritten` (it is not known to hold
    it), or null. `uncompared` are workflows with `checkout` whose source tree is not among what was sent; `undetailed`
    counts the changed workflows whose firings were not worked out.
    """

    source: str
    commit: str | None
    live_version: str | None
    relation: Relation | None
    suspended: bool
    rejected: bool
    changes: list[PlannedChange]
    unchanged: int
    uncompared: list[str]
    undetailed: int
    diagnostics: list[Diagnostic]

    @classmethod
    def of(cls, plan: "Planned") -> Self:
        """Return a plan as it is shown."""
        return cls(
            source=plan.source,
            commit=plan.commit,
            live_version=plan.live,
            relation=None if plan.relation is None else plan.relation.value,
            suspended=plan.suspended,
            rejected=plan.rejected,
            changes=[PlannedChange.of(item) for item in plan.changes],
            unchanged=plan.unchanged,
            uncompared=list(plan.uncompared),
            undetailed=plan.undetailed,
            diagnostics=list(plan.diagnostics),
        )

    @property
    def faulty(self) -> bool:
        """Whether a file has an error."""
        return any(item.severity is Severity.ERROR for item in self.diagnostics)

    @property
    def changing(self) -> bool:
        """Whether applying would change something."""
        return not self.rejected and any(item.action in REVISING for item in self.changes)
