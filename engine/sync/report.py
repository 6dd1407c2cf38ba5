"""What a sync did, for a person."""

from collections.abc import Sequence
from typing import Final

from engine.store.sources import SourceState
from engine.sync.conditions import APPLIED, FETCHED
from engine.sync.plan import Changed, key_of
from engine.sync.reconcile import Outcome

NAMES_SHOWN: Final = 10
FIELDS_SHOWN: Final = 3


def summary(outcome: Outcome) -> str:
    """Return what was applied, in one line; empty when nothing was."""
    if not outcome.changed:
        return ""
    plan = outcome.plan
    parts = [
        _part("added", ["/".join(key_of(item)) for item in plan.added]),
        _part("back", ["/".join(item.standing.key) for item in plan.returned]),
        _part("changed", [_change(item) for item in plan.changed]),
        _part("moved", [f"{'/'.join(item.standing.key)} to {item.path}" for item in plan.moved]),
        _part("removed", ["/".join(item.key) for item in plan.removed]),
    ]
    return "; ".join(filter(None, parts))


def result_of(outcome: Outcome) -> str:
    """Return what came of a sync in one word.

    `applied`: something is live that was not; `unchanged`: all that the source holds is live already; `rejected`: some
    of it is not, and stays so; `failed`: it could not be read.
    """
    if outcome.changed:
        return "applied"
    conditions = outcome.state.conditions
    if FETCHED in conditions and not conditions[FETCHED].status:
        return "failed"
    return "unchanged" if all(item.status for item in conditions.values()) else "rejected"


def hindered(state: SourceState) -> dict[str, str]:
    """Return why a source is not fetched or not applied, by condition; empty when it is."""
    wanted = (FETCHED, APPLIED)
    return {name: item.message for name, item in state.conditions.items() if name in wanted and not item.status}


def _part(what: str, names: Sequence[str]) -> str:
    rest = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"{what} {', '.join(names[:NAMES_SHOWN])}{rest}" if names else ""


def _change(item: Changed) -> str:
    name = "/".join(item.standing.key)
    if item.renamed:
        return f"{name}, now {'/'.join(key_of(item.loaded))}"
    fields = [field.path for field in item.fields]
    rest = " …" if len(fields) > FIELDS_SHOWN else ""
    return f"{name} ({', '.join(fields[:FIELDS_SHOWN])}{rest})"
