"""Plans of a real repository's branches and commits: what is planned is what merging them does."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.dependencies import Dependencies
from api.server import ApiServer
from cli.main import cli
from engine.broker.memory import MemoryBroker
from engine.clock import new_id
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.services.syncer import Syncer
from engine.store.database import Database
from engine.store.schema import migrate
from engine.sync.plan import key_of
from engine.sync.reconcile import Outcome
from tests.integration.git_play import flow, make_source, unique
from tests.services.git import Repository
from tests.services.git_http import GitHttp

ADDED, CHANGED, KEPT = flow("added", "new"), flow("changed"), flow("kept")


class Place:
    """A repository that is synced, and an API over it. What was applied is kept, in order."""

    def __init__(self, http: GitHttp, directory: Path) -> None:
        http.reset()
        self.http = http
        name = unique()
        self.repository: Repository = http.new(name)
        self.database = Database.open(f"sqlite:///{directory / 'test.db'}")
        migrate(self.database)
        settle = Firings(RevisionCache(self.database), new_id).settle
        self.source = make_source(http.url(name), directory / "mirrors")
        self.syncer = Syncer(self.database, MemoryBroker(), [self.source], settle=settle)
        self.server = ApiServer(
            Dependencies(
                database=self.database, broker=MemoryBroker(), sync_now=self.syncer.sync_now, syncer=self.syncer
            ),
            host="127.0.0.1",
            port=0,
        )

    def run(self, *line: str) -> Any:
        return CliRunner().invoke(cli, line, env={"CHRONOVERSE_API_URL": self.server.url})

    def plan(self, *line: str) -> dict[str, Any]:
        done = self.run("plan", "main", "--format", "json", *line)
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    def synced(self, commit: str) -> None:
        """Have the newest applied."""
        done = self.run("source", "sync", "main", "--wait")
        assert (done.exit_code, commit[:12] in done.stdout) == (0, True), done.output


@pytest.fixture
def place(git_http: GitHttp, tmp_path: Path) -> Iterator[Place]:
    place = Place(git_http, tmp_path)
    first = place.repository.commit({"changed.yaml": CHANGED, "gone.yaml": flow("gone"), "kept.yaml": KEPT})
    place.syncer.start()
    place.server.start()
    place.synced(first)
    yield place
    place.server.stop()
    place.syncer.stop()
    place.database.close()


def told(plan: dict[str, Any]) -> dict[str, str]:
    return {item["workflow"]: item["action"] for item in plan["changes"]}


def done(outcome: Outcome) -> dict[str, str]:
    plan = outcome.plan
    found = {"/".join(key_of(item)): "added" for item in plan.added}
    found |= {"/".join(key_of(item.loaded)): "changed" for item in plan.changed}
    return found | {"/".join(item.key): "removed" for item in plan.removed}


def test_merging_what_was_planned_does_exactly_that(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    live = place.repository.tip("refs/heads/main")
    topic = place.repository.commit(
        {"changed.yaml": flow("changed", "ho"), "gone.yaml": None, "added.yaml": ADDED}, branch="topic", parent=live
    )
    planned = place.plan("--ref", "topic")
    assert told(planned) == {"default/added": "added", "default/changed": "changed", "default/gone": "removed"}
    assert (planned["commit"], planned["live_version"], planned["relation"]) == (topic, live, "newer")
    assert place.plan("--ref", topic[:7]) == planned
    same = place.plan("--ref", "main")
    assert (same["changes"], same["commit"], same["relation"]) == ([], live, "same")

    outcomes: list[Outcome] = []
    (sync,) = place.syncer._syncs.values()
    plain = sync._reconciler.reconcile
    monkeypatch.setattr(sync._reconciler, "reconcile", lambda: outcomes.append(plain()) or outcomes[-1])
    place.repository.move("refs/heads/main", topic)
    place.synced(topic)
    applied = next(outcome for outcome in outcomes if outcome.changed)
    assert done(applied) == told(planned)
    fields = {item["workflow"]: item["fields"] for item in planned["changes"]}
    (changed,) = applied.plan.changed
    assert [{"path": item.path, "before": item.before, "after": item.after} for item in changed.fields] == fields[
        "default/changed"
    ]
    assert place.plan("--ref", "topic")["changes"] == []


def test_a_branch_that_parted_says_that_it_lacks_what_is_live(place: Place) -> None:
    first = place.repository.tip("refs/heads/main")
    place.repository.commit({"added.yaml": ADDED}, branch="topic", parent=first)
    newest = place.repository.commit({"other.yaml": flow("other")})
    place.synced(newest)
    shown = place.run("plan", "main", "--ref", "topic")
    assert shown.exit_code == 0
    assert f"not known to hold {newest[:12]}" in shown.stdout
    assert "- removed default/other" in shown.stdout
    markdown = place.run("plan", "main", "--ref", "topic", "--format", "markdown").stdout
    assert markdown.startswith("### Chronoverse: source `main`")
    old = place.run("plan", "main", "--ref", first)
    assert f"older than {newest[:12]}" in old.stdout


def test_a_fault_in_a_branch_has_its_place(place: Place) -> None:
    first = place.repository.tip("refs/heads/main")
    place.repository.commit({"kept.yaml": "name: kept\ntasks:\n  a: {rum: x}\n"}, branch="topic", parent=first)
    shown = place.run("plan", "main", "--ref", "topic")
    assert shown.exit_code == 1
    assert "kept.yaml:3:" in shown.stdout
    assert "Nothing of it would be done" in shown.stdout


def test_what_cannot_be_planned_says_what_to_do(place: Place) -> None:
    missing = place.run("plan", "main", "--ref", "nowhere")
    assert (missing.exit_code, "there is no branch or tag nowhere" in missing.stderr) == (1, True)
    place.http.status = 503
    away = place.run("plan", "main", "--ref", "topic")
    assert (away.exit_code, "HTTP 503" in away.stderr) == (1, True)
    place.http.reset()
    assert place.plan("--ref", "main")["relation"] == "same"


def test_a_sync_is_waited_for_and_planned(place: Place) -> None:
    commit = place.repository.commit({"kept.yaml": flow("kept", "ho")})
    planned = place.run("source", "sync", "main", "--dry-run")
    assert (planned.exit_code, f"main at {commit[:12]}: 1 changed" in planned.stdout) == (0, True)
    assert commit[:12] not in place.run("commits").stdout

    live = place.run("source", "sync", "main", "--wait")
    assert (live.exit_code, f"{commit[:12]} (a change) is live" in live.stdout) == (0, True)
    place.repository.commit({"kept.yaml": "name: kept\ntasks:\n  a: {rum: x}\n"})
    assert place.run("source", "sync", "main", "--dry-run", "--json").exit_code == 1
    rejected = place.run("source", "sync", "main", "--wait")
    assert (rejected.exit_code, "is rejected" in rejected.stdout, "kept.yaml:3:" in rejected.stdout) == (1, True, True)
    shown = json.loads(place.run("source", "sync", "main", "--wait", "--json").stdout)
    assert (shown["looked"], shown["commit"]["outcome"]) == (True, "rejected")
    place.http.status = 503
    away = place.run("source", "sync", "main", "--wait")
    assert (away.exit_code, "main cannot be read" in away.stdout, "HTTP 503" in away.stdout) == (1, True, True)
    assert place.run("source", "sync", "main", "--wait", "--dry-run").exit_code == 2


def test_a_sync_that_takes_too_long_is_waited_for_no_more(place: Place) -> None:
    place.http.silent = threading.Event()
    late = place.run("source", "sync", "main", "--wait", "--timeout", "0.2s")
    assert (late.exit_code, "was not looked at within 0.2 s" in late.stderr) == (3, True)
    place.http.silent.set()
