"""Plans as they cross the broker: what is unpacked is what was packed."""

from datetime import UTC, datetime

import msgspec
import pytest

from dsl.diagnostics import START, Fault, diagnostic
from engine.services import packed_plans
from engine.services.asking import NotAnsweredError
from engine.services.packed_plans import packed, unpacked
from engine.services.plans import Action, Change, SourcePlan, TriggerChange
from engine.store.reads_plans import InFlight
from engine.sync.differences import ABSENT, FieldChange
from engine.sync.source import Relation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = SourcePlan(
    source="flows",
    suspended=False,
    rejected=True,
    changes=(
        Change(
            action=Action.RENAMED,
            workflow="default/one",
            path="one.yaml",
            former_name="default/uno",
            fields=(FieldChange("tasks.a", {"run": "x"}, ABSENT), FieldChange("timeout", 1, 1.5)),
            triggers=(TriggerChange("tick", "every", (NOW,), None),),
            paused=True,
            running=InFlight(2, ("r1", "r2")),
        ),
        Change(action=Action.WAITS, workflow="default/two"),
    ),
    unchanged=3,
    uncompared=(),
    undetailed=1,
    diagnostics=(diagnostic(Fault("E0014", "it cannot be read", START), "one.yaml"),),
    commit="c" * 40,
    live="d" * 40,
    relation=Relation.OLDER,
)


def test_what_is_unpacked_is_what_was_packed() -> None:
    assert unpacked(packed(PLAN)) == PLAN


def test_a_plan_too_large_is_refused_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_plans, "PLAN_BYTES_MAX", len(msgspec.json.encode(PLAN)) - 1)
    with pytest.raises(NotAnsweredError) as caught:
        packed(PLAN)
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("data", [b"", b"{}", packed(PLAN)[:-3]])
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="unreadable plan"):
        unpacked(data)
