from datetime import UTC, datetime, timedelta

from engine.store.revisions import Standing
from engine.sync.conditions import Findings, conditions, not_fetched
from engine.sync.plan import Plan
from engine.sync.source import FetchError, Policy

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def found(version: str = "v1", faulty: tuple[str, ...] = (), policy: Policy = Policy.PARTIAL, **more) -> Findings:
    return Findings(version, 3, frozenset(faulty), more.pop("plan", Plan()), policy, **more)


def test_a_source_without_a_fault() -> None:
    made = conditions({}, found(), NOW)
    assert {name: (item.status, item.reason, item.version) for name, item in made.items()} == {
        "fetched": (True, "fetched", "v1"),
        "valid": (True, "valid", "v1"),
        "applied": (True, "applied", "v1"),
    }


def test_looking_again_changes_nothing() -> None:
    made = conditions({}, found(faulty=("a.yaml",)), NOW)
    assert conditions(made, found(faulty=("a.yaml",)), LATER) == made


def test_the_time_is_that_of_the_last_turn_not_of_the_last_version() -> None:
    made = conditions(conditions({}, found(), NOW), found("v2", faulty=("a.yaml",)), LATER)
    assert (made["fetched"].at, made["fetched"].version) == (NOW, "v2")
    assert made["valid"].at == LATER


def test_what_is_held_back_is_named() -> None:
    held = Standing("1", "default", "beta", "main", "b.yaml", "d", archived=False, revision_count=1)
    made = conditions({}, found(faulty=("b.yaml",), plan=Plan(held=(held,))), NOW)
    assert made["applied"].message == "good files are live; on their last good revision: default/beta"


def test_of_many_files_a_few_are_named() -> None:
    made = conditions({}, found(faulty=tuple(f"{letter}.yaml" for letter in "abcdefg")), NOW)
    assert made["valid"].message == "7 files with faults: a.yaml, b.yaml, c.yaml, d.yaml, e.yaml and 2 more"


def test_atomic_rejects_and_waiting_removals_wait() -> None:
    assert conditions({}, found(faulty=("a",), policy=Policy.ATOMIC), NOW)["applied"].reason == "rejected"
    assert conditions({}, found(waiting=("a", "b")), NOW)["applied"].reason == "removal_waits"


def test_a_failed_fetch_leaves_the_rest_as_it_was() -> None:
    before = conditions({}, found(), NOW)
    after = not_fetched(before, FetchError("absent", "gone"), LATER)
    assert (after["fetched"].status, after["fetched"].reason, after["fetched"].at) == (False, "absent", LATER)
    assert (after["valid"], after["applied"]) == (before["valid"], before["applied"])
