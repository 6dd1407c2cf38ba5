"""Every commit that is seen, or announced, ends: live, rejected with its place, superseded by another, or failed."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete

from engine.commit_outcomes import CommitOutcome
from engine.store import commits
from engine.store.commits import CommitRow
from engine.store.tables import sources
from engine.sync.source import FetchError, Policy, Relation, Rules, Snapshot
from tests.contract.sync.world import FAULTY, MemorySource, World, workflow

A, B, C, D = (letter * 40 for letter in "abcd")


@dataclass
class Git(MemorySource):
    """A source whose versions are commits, in the order of `history`; what is not in it was written anew."""

    name: str = "repo"
    rules: Rules = field(default_factory=lambda: Rules(policy=Policy.ATOMIC))
    history: tuple[str, ...] = (A, B, C, D)

    def fetch(self) -> Snapshot:
        found = super().fetch()
        assert self.commit is not None
        now = self.commit

        def relation(old: str, _applied_at: datetime | None) -> Relation:
            if old not in self.history or now not in self.history:
                return Relation.REWRITTEN
            ahead = self.history.index(now) - self.history.index(old)
            return Relation.NEWER if ahead > 0 else Relation.OLDER if ahead else Relation.SAME

        return replace(found, version=now, title=f"commit {now[:1]}", relation=relation)


@pytest.fixture
def git() -> Git:
    return Git()


def at(world: World, git: Git, commit: str, text: str = "") -> None:
    git.commit, git.author = commit, "Ada <ada@example.com>"
    world.sync(git, a=text or workflow("alpha", script=f"echo {commit}"))


def announced(world: World, commit: str, *, report: bool = False) -> None:
    with world.database.write() as connection:
        assert commits.see(connection, "repo", commit, world.clock(), author="", title="", report=report)


def of(world: World, commit: str) -> CommitRow:
    with world.database.read() as connection:
        [row] = commits.find_commits(connection, "repo", commit)
    return row


def ends(world: World) -> dict[str, str]:
    with world.database.read() as connection:
        rows = commits.list_commits(connection, "repo", before=None, limit=10)
    return {row.version[:1]: row.outcome for row in rows}


def test_what_is_applied_is_live(world: World, git: Git) -> None:
    at(world, git, A)
    row = of(world, A)
    assert (row.outcome, row.author, row.title) == ("live", "Ada <ada@example.com>", "commit a")
    assert (row.message, row.diagnostics, row.superseded_by) == ("all of it is live", [], None)
    assert row.settled_at == world.clock.now


def test_a_commit_without_news_is_live_too(world: World, git: Git) -> None:
    at(world, git, A, workflow("alpha"))
    at(world, git, B, workflow("alpha"))
    assert ends(world) == {"a": "live", "b": "live"}


def test_a_fault_rejects_with_file_and_line(world: World, git: Git) -> None:
    at(world, git, A)
    at(world, git, B, FAULTY)
    row = of(world, B)
    assert row.outcome == "rejected"
    [found] = row.diagnostics
    assert (found["severity"], found["file"], found["line"]) == ("error", "a.yaml", 3)
    assert of(world, A).outcome == "live"


def test_looking_again_writes_nothing(world: World, git: Git) -> None:
    for commit, text in ((A, ""), (B, FAULTY)):
        at(world, git, commit, text)
        before = of(world, commit)
        world.clock.forward(minutes=1)
        at(world, git, commit, text)
        world.restart()
        at(world, git, commit, text)
        assert of(world, commit) == before


def test_one_announced_and_overtaken_before_it_was_applied_is_superseded(world: World, git: Git) -> None:
    at(world, git, A)
    announced(world, B)
    at(world, git, C)
    row = of(world, B)
    assert (row.outcome, row.superseded_by) == ("superseded", C)
    assert row.message == "cccccccccccc came before it was applied"


def test_a_faulty_newer_one_supersedes_as_well(world: World, git: Git) -> None:
    announced(world, A)
    at(world, git, B, FAULTY)
    assert ends(world) == {"a": "superseded", "b": "rejected"}


def test_one_announced_after_a_newer_one_is_live_is_superseded_by_it(world: World, git: Git) -> None:
    at(world, git, C)
    announced(world, B)
    at(world, git, C)
    assert (of(world, B).outcome, of(world, B).superseded_by) == ("superseded", C)


def test_one_announced_that_the_server_does_not_give_out_yet_waits(world: World, git: Git) -> None:
    at(world, git, A)
    announced(world, B)
    at(world, git, A)
    assert of(world, B).outcome == "pending"
    at(world, git, B)
    assert of(world, B).outcome == "live"


def test_while_one_is_waited_for_the_source_is_asked_at_each_look(world: World, git: Git) -> None:
    nudges: list[str] = []
    git.nudge = lambda: nudges.append(git.commit or "")  # type: ignore[method-assign]
    at(world, git, A)
    assert nudges == []
    announced(world, B)
    at(world, git, A)
    at(world, git, A)
    assert nudges == [A, A]
    at(world, git, B)
    assert nudges == [A, A]


def test_one_of_a_source_that_nobody_syncs_fails_in_the_end(world: World, git: Git) -> None:
    at(world, git, A)
    announced(world, B)
    for minutes, count in ((59, 0), (2, 1)):
        now = world.clock.forward(minutes=minutes)
        with world.database.write() as connection:
            assert commits.give_up(connection, now - timedelta(hours=1), now) == count
    assert ends(world) == {"a": "live", "b": "failed"}
    assert "suspended" in of(world, B).message


def test_one_announced_and_never_found_fails(world: World, git: Git) -> None:
    at(world, git, A)
    announced(world, B)
    world.clock.forward(minutes=16)
    at(world, git, A)
    assert of(world, B).outcome == "failed"
    assert "taken back" in of(world, B).message
    at(world, git, B)  # late, but there it is
    assert of(world, B).outcome == "live"


def test_one_that_cannot_be_taken_fails_and_one_mended_goes_live(world: World, git: Git) -> None:
    git.commit, git.failure = A, FetchError("empty", "nothing is there", A)
    world.sync(git)
    assert (of(world, A).outcome, of(world, A).message) == ("failed", "nothing is there")
    assert of(world, A).author == ""
    git.failure = None
    at(world, git, A)
    assert (of(world, A).outcome, of(world, A).author) == ("live", "Ada <ada@example.com>")


def test_what_is_announced_while_the_server_is_away_is_waited_for(world: World, git: Git) -> None:
    at(world, git, A)
    announced(world, B)
    git.failure = FetchError("unreachable", "the server is away")
    world.sync(git)
    assert of(world, B).outcome == "pending"
    world.clock.forward(minutes=16)
    world.sync(git)
    assert (of(world, B).outcome, "the server is away" in of(world, B).message) == ("failed", True)


def test_one_that_is_moved_back_to_stays_live_and_one_never_live_is_superseded(world: World, git: Git) -> None:
    at(world, git, A)
    at(world, git, C)
    at(world, git, B)
    row = of(world, B)
    assert (row.outcome, row.superseded_by) == ("superseded", C)
    assert "allow_rewind" in row.message
    at(world, git, A)
    assert ends(world) == {"a": "live", "b": "superseded", "c": "live"}


def test_one_rejected_goes_live_when_the_reason_is_gone(world: World, git: Git) -> None:
    world.sync(MemorySource(), a=workflow("alpha"))  # another source has that name
    at(world, git, A)
    assert of(world, A).outcome == "rejected"
    other = MemorySource(files={"b.yaml": workflow("beta")})
    world.restart()
    world.sync(other)
    at(world, git, A)
    assert (of(world, A).outcome, of(world, A).diagnostics) == ("live", [])


def test_a_rewritten_line_supersedes_what_it_left_out(world: World, git: Git) -> None:
    at(world, git, A)
    announced(world, "e" * 40)  # pushed, and pushed over at once
    at(world, git, B)
    assert of(world, "e" * 40).outcome == "superseded"


def test_a_sync_that_dies_leaves_its_commit_to_the_next(world: World, git: Git, monkeypatch) -> None:
    at(world, git, A)
    with monkeypatch.context() as dying:
        dying.setattr(commits, "settle", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            at(world, git, B)
    assert ends(world) == {"a": "live", "b": "pending"}
    assert world.workflow("alpha").revision_count == 1  # with its outcome, what it changes was taken back
    world.restart()
    at(world, git, B)
    assert ends(world) == {"a": "live", "b": "live"}
    assert world.workflow("alpha").revision_count == 2


def test_two_that_sync_one_source_agree(world: World, git: Git) -> None:
    other = Git(files=dict(git.files))
    at(world, git, A)
    first = world._reconcilers[git.name]
    world.restart()
    at(world, other, C)
    git.commit = B  # the first server's copy is behind
    first.reconcile()
    git.commit, git.files = C, dict(other.files)
    first.reconcile()
    assert ends(world) == {"a": "live", "b": "superseded", "c": "live"}
    assert of(world, B).superseded_by == C


def test_a_folder_has_no_commits(world: World) -> None:
    world.sync(a=workflow("alpha"))
    with world.database.read() as connection:
        assert commits.list_commits(connection, "main", before=None, limit=10) == []


def test_the_newest_are_kept_and_what_is_live_or_open(world: World, git: Git) -> None:
    at(world, git, A)
    for number in range(10):
        announced(world, f"{number:040x}")
    with world.database.write() as connection:
        rows = commits.pending(connection, "repo")
        ids = [row.id for row in rows[1:]]
        commits.settle_pending(connection, ids, commits.superseded(A), world.clock(), report=False)
        assert commits.forget_commits(connection, kept_max=3) == 6
        assert commits.forget_commits(connection, kept_max=3) == 0
    assert of(world, A).outcome == "live"
    assert of(world, "0" * 40).outcome == "pending"


def test_commits_of_a_source_that_is_gone_are_forgotten(world: World, git: Git) -> None:
    at(world, git, A)
    announced(world, B)
    with world.database.write() as connection:
        connection.execute(delete(sources).where(sources.c.name == "repo"))
        assert commits.forget_commits(connection) == 2
    assert ends(world) == {}


def test_outcomes_move_along_their_arrows_only(world: World) -> None:
    announced(world, A)
    for outcome in (CommitOutcome.FAILED, CommitOutcome.LIVE, CommitOutcome.REJECTED, CommitOutcome.SUPERSEDED):
        with world.database.write() as connection:
            commits.settle(connection, "repo", A, commits.Decision(outcome), world.clock(), report=True)
    assert of(world, A).outcome == "live"
