"""What a sync found, said as conditions on the source: the one place that turns results into them.

`fetched`: the source could be read. `valid`: none of its files has a fault. `applied`: what it holds is live. Their
messages say how things stand, not what just happened, so that looking again changes nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from engine.store.sources import Condition
from engine.sync.plan import Plan
from engine.sync.source import FetchError, Policy

FETCHED = "fetched"
VALID = "valid"
APPLIED = "applied"
NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """What one sync found at one version.

    `waiting` are removals that no person has agreed to yet; `behind` is the live version that this one is older than.
    """

    version: str
    files: int
    faulty: frozenset[str]
    plan: Plan
    policy: Policy
    waiting: tuple[str, ...] = ()
    behind: str = ""

    @property
    def rejected(self) -> bool:
        """Whether nothing may change: because of a fault, or since a newer version is live."""
        return bool(self.behind) or (self.policy is Policy.ATOMIC and bool(self.faulty))


def not_fetched(before: Mapping[str, Condition], error: FetchError, now: datetime) -> dict[str, Condition]:
    """Return the conditions of a source that could not be read: what is live stays."""
    condition = Condition(status=False, reason=error.reason, message=str(error), at=now)
    return {**before, FETCHED: _since(before.get(FETCHED), condition)}


def conditions(before: Mapping[str, Condition], found: Findings, now: datetime) -> dict[str, Condition]:
    """Return the conditions after a sync."""
    made = {FETCHED: _fetched(found, now), VALID: _valid(found, now), APPLIED: _applied(found, now)}
    return {name: _since(before.get(name), condition) for name, condition in made.items()}


def _fetched(found: Findings, now: datetime) -> Condition:
    message = f"{_counted(found.files, 'file')} read"
    return Condition(status=True, reason="fetched", message=message, version=found.version, at=now)


def _valid(found: Findings, now: datetime) -> Condition:
    if not found.faulty:
        return Condition(status=True, reason="valid", message="no file has a fault", version=found.version, at=now)
    message = f"{_counted(len(found.faulty), 'file')} with faults: {_shown(found.faulty)}"
    return Condition(status=False, reason="faulty", message=message, version=found.version, at=now)


def _applied(found: Findings, now: datetime) -> Condition:
    if found.behind:
        message = (
            f"{found.behind[:12]} stays live, which is newer than {found.version[:12]}\n"
            "  hint: push a commit on top, or set 'allow_rewind' where the branch was moved back on purpose"
        )
        return Condition(status=False, reason="rewound", message=message, version=found.version, at=now)
    if found.rejected:
        message = "nothing is changed while a file is faulty (policy atomic); the last good revisions stay live"
        return Condition(status=False, reason="rejected", message=message, version=found.version, at=now)
    if found.waiting:
        message = (
            f"{_counted(len(found.waiting), 'workflow')} gone at once: {_shown(found.waiting)}; all else is live\n"
            "  hint: put the files back, or agree to the removal of this version"
        )
        return Condition(status=False, reason="removal_waits", message=message, version=found.version, at=now)
    if found.plan.held:
        names = [f"{item.namespace}/{item.name}" for item in found.plan.held]
        message = f"good files are live; on their last good revision: {_shown(names)}"
        return Condition(status=True, reason="partial", message=message, version=found.version, at=now)
    message = "good files are live" if found.faulty else "all of it is live"
    reason = "partial" if found.faulty else "applied"
    return Condition(status=True, reason=reason, message=message, version=found.version, at=now)


def _since(before: Condition | None, after: Condition) -> Condition:
    """Keep the time of a condition whose status and reason are as they were."""
    if before is not None and (before.status, before.reason) == (after.status, after.reason):
        return msgspec.structs.replace(after, at=before.at)
    return after


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _shown(names: Collection[str]) -> str:
    listed = sorted(names)
    rest = f" and {len(listed) - NAMES_SHOWN:,} more" if len(listed) > NAMES_SHOWN else ""
    return ", ".join(listed[:NAMES_SHOWN]) + rest
