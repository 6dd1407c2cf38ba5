"""A git source against real servers: which commit, what of it, and how little is asked."""

import os
import threading
from pathlib import Path

import pytest

from engine.sync.git.config import GitLimits
from engine.sync.source import FetchError, Rules
from tests.integration.git_play import Clock, contents, make_source, polled, refusal, ssh_auth, unique
from tests.integration.rabbitmq_play import until
from tests.services.git import LINK, SUBMODULE, Entry, Repository
from tests.services.git_http import GitHttp
from tests.services.git_ssh import GitSsh

LFS_POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"


@pytest.fixture
def repository(git_http: GitHttp) -> Repository:
    return git_http.new(unique())


@pytest.fixture
def url(git_http: GitHttp, repository: Repository) -> str:
    return git_http.url(repository.path.stem)


def asked(server: GitHttp) -> list[str]:
    """What was asked since the last time."""
    found = [f"{item.method} {item.path.rpartition('.git/')[2]}" for item in server.requests]
    server.requests.clear()
    return found


def test_the_default_branch_over_http(url: str, repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit({"a.yaml": "one", "deep/b.yml": "two", "README.md": "three"})
    snapshot = polled(make_source(url, tmp_path))
    assert contents(snapshot) == {"a.yaml": "one", "deep/b.yml": "two"}
    assert (snapshot.version, snapshot.commit, snapshot.author) == (commit, commit, "Ada Lovelace <ada@example.org>")
    assert snapshot.faults == ()


@pytest.mark.parametrize("user", ["in the URL", "in auth"])
def test_over_ssh(git_ssh: GitSsh, tmp_path: Path, user: str) -> None:
    repository = git_ssh.new(unique())
    repository.commit({"a.yaml": "one"})
    url, more = git_ssh.url(repository.path.stem), {}
    if user == "in auth":
        url, more = url.replace(f"{git_ssh.user}@", ""), {"username": git_ssh.user}
    source = make_source(url, tmp_path, {"KEY": git_ssh.key}, auth=ssh_auth(git_ssh, **more))
    assert contents(polled(source)) == {"a.yaml": "one"}
    commit = repository.commit({"a.yaml": "two"})
    assert polled(source).version == commit


def test_a_repository_on_this_machine(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "one"})
    source = make_source(f"file://{repository.path}", tmp_path)
    first = polled(source)
    repository.commit({"a.yaml": "two"})
    repository.commit({"a.yaml": "three"})
    second = polled(source)
    assert contents(second) == {"a.yaml": "three"}
    assert second.relation is not None
    assert second.relation(first.version, None) == "newer"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to somebody else")
def test_a_repository_and_a_mirror_of_somebody_else(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "one"})
    for place in [repository.path, *repository.path.rglob("*")]:
        os.chown(place, 65534, 65534)
    url = f"file://{repository.path}"
    polled(make_source(url, tmp_path))
    [mirror] = tmp_path.glob("*.git")
    for place in [mirror, *mirror.rglob("*")]:
        os.chown(place, 65534, 65534)
    assert contents(polled(make_source(url, tmp_path))) == {"a.yaml": "one"}


def test_without_news_one_look_at_the_references_is_all(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.yaml": "one"})
    source = make_source(url, tmp_path)
    first = polled(source)
    asked(git_http)
    monkeypatch.setattr("engine.sync.git.mirror.Mirror.blob", lambda *_: pytest.fail("a blob was read"))
    monkeypatch.setattr("engine.sync.git.mirror.Mirror.tree", lambda *_: pytest.fail("a tree was read"))
    assert polled(source) is first
    assert asked(git_http) == ["GET info/refs?service=git-upload-pack"]


def test_a_restarted_source_fetches_nothing_that_it_has(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"a.yaml": "one"})
    polled(make_source(url, tmp_path)).files["a.yaml"].read()
    asked(git_http)
    assert contents(polled(make_source(url, tmp_path))) == {"a.yaml": "one"}
    assert asked(git_http) == ["GET info/refs?service=git-upload-pack"]


def test_reading_the_trees_reads_no_blob(
    url: str, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.yaml": "one", "b.yaml": "two"})
    monkeypatch.setattr("engine.sync.git.mirror.Mirror.blob", lambda *_: pytest.fail("a blob was read"))
    assert set(polled(make_source(url, tmp_path)).files) == {"a.yaml", "b.yaml"}


def test_an_unchanged_file_has_the_digest_it_had_and_unchanged_folders_are_not_looked_into(
    url: str, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.yaml": "one", "x/b.yaml": "two", "y/deep/c.yaml": "three"})
    source = make_source(url, tmp_path)
    first = polled(source)
    looked = []
    tree = source._mirror.tree
    monkeypatch.setattr(source._mirror, "tree", lambda oid: looked.append(oid) or tree(oid))
    repository.commit({"x/b.yaml": "new"})
    second = polled(source)
    assert second.files["a.yaml"].digest == first.files["a.yaml"].digest
    assert second.files["x/b.yaml"].digest != first.files["x/b.yaml"].digest
    assert len(looked) == 2, "the root, and x"
    assert contents(second) == {"a.yaml": "one", "x/b.yaml": "new", "y/deep/c.yaml": "three"}


@pytest.mark.parametrize("annotated", [False, True])
def test_a_tag(url: str, repository: Repository, tmp_path: Path, annotated: bool) -> None:
    first = repository.commit({"a.yaml": "one"})
    repository.tag("v1", first, annotated=annotated)
    second = repository.commit({"a.yaml": "two"})
    source = make_source(url, tmp_path, tag="v1")
    assert polled(source).version == first
    repository.tag("v1", second, annotated=annotated)
    assert polled(source).version == second


def test_the_newest_tag_of_a_range(url: str, repository: Repository, tmp_path: Path) -> None:
    commits = {}
    for name in ("v1.3.9", "v1.4.0", "v1.4.2", "v1.5.0-rc.1", "v2.0.0"):
        commits[name] = repository.commit({"a.yaml": name})
        repository.tag(name, commits[name])
    source = make_source(url, tmp_path, semver="~1.4")
    assert polled(source).version == commits["v1.4.2"]
    newest = repository.commit({"a.yaml": "v1.4.10"})
    repository.tag("v1.4.10", newest)
    assert polled(source).version == newest


@pytest.mark.parametrize("allowed", [True, False])
def test_a_commit_that_no_branch_ends_with(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path, allowed: bool
) -> None:
    first = repository.commit({"a.yaml": "one"})
    repository.commit({"a.yaml": "two"})
    repository.git("config", "uploadpack.allowReachableSHA1InWant", str(allowed).lower())
    source = make_source(url, tmp_path, commit=first)
    assert contents(polled(source)) == {"a.yaml": "one"}
    asked(git_http)
    assert polled(source).version == first
    assert asked(git_http) == [], "of a commit there is no news"


def test_only_the_one_branch_is_fetched_and_no_history(url: str, repository: Repository, tmp_path: Path) -> None:
    first = repository.commit({"a.yaml": "one"})
    repository.commit({"a.yaml": "two"})
    other = repository.commit({"b.yaml": "other"}, branch="other")
    source = make_source(url, tmp_path)
    polled(source)
    assert source._mirror.raw_commit(first) is None
    assert source._mirror.raw_commit(other) is None


def test_the_whole_history_where_it_is_wanted_or_the_server_knows_no_other_way(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path
) -> None:
    first = repository.commit({"a.yaml": "one"})
    repository.commit({"a.yaml": "two"})
    wanted = make_source(url, tmp_path / "wanted", shallow=False)
    polled(wanted)
    git_http.shallow = False
    only_way = make_source(url, tmp_path / "only", shallow=True)
    polled(only_way)
    assert wanted._mirror.raw_commit(first) is not None
    assert only_way._mirror.raw_commit(first) is not None


def test_a_renamed_default_branch_is_followed(url: str, repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "one"})
    source = make_source(url, tmp_path)
    line = polled(source).line
    repository.git("branch", "--move", "main", "trunk")
    repository.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    commit = repository.commit({"a.yaml": "two"}, branch="trunk")
    snapshot = polled(source)
    assert (snapshot.version, snapshot.line) == (commit, line)


def test_a_folder_of_it_by_globs(url: str, repository: Repository, tmp_path: Path) -> None:
    repository.commit(
        {
            "outside.yaml": "x",
            "flows/a.yaml": "x",
            "flows/_defaults.yaml": "x",
            "flows/team/b.yaml": "x",
            "flows/team/draft-c.yaml": "x",
            "flows/team/b.test.yaml": "x",
            "flows/.hidden/d.yaml": "x",
            "flows/other/e.yaml": "x",
        }
    )
    source = make_source(url, tmp_path, path="flows", include=("*.yaml",), exclude=("draft-*", "other/"))
    assert list(polled(source).files) == ["_defaults.yaml", "a.yaml", "team/b.yaml"]


def test_links_lead_nowhere_but_to_files_of_the_source(url: str, repository: Repository, tmp_path: Path) -> None:
    leads = {
        "up.yaml": "../secret.yaml",
        "absolute.yaml": "/etc/passwd",
        "nowhere.yaml": "missing.yaml",
        "folder.yaml": "deep",
        "loop.yaml": "loop.yaml",
        "through.yaml": "linked/b.yaml",
        "good.yaml": "deep/b.yaml",
        "deep/twice.yaml": "../good.yaml",
    }
    files = {f"flows/{path}": Entry(LINK, target) for path, target in leads.items()}
    more = {"flows/deep/b.yaml": "two", "flows/linked": Entry(LINK, "deep"), "secret.yaml": "no"}
    repository.commit({**files, **more})
    snapshot = polled(make_source(url, tmp_path, path="flows"))
    assert contents(snapshot) == {"deep/b.yaml": "two", "deep/twice.yaml": "two", "good.yaml": "two"}
    said = {fault.file: fault.message.removeprefix("the file cannot be read: ") for fault in snapshot.faults}
    assert said == {
        "absolute.yaml": "it is a symbolic link that leads out of the source",
        "folder.yaml": "it is a symbolic link to something that is no file",
        "loop.yaml": "it is a symbolic link that leads through more than 8 others",
        "nowhere.yaml": "it is a symbolic link that leads nowhere",
        "through.yaml": "it is a symbolic link that leads nowhere, or through another one",
        "up.yaml": "it is a symbolic link that leads out of the source",
    }


def test_where_a_link_leads_is_looked_up_anew(url: str, repository: Repository, tmp_path: Path) -> None:
    repository.commit({"links/a.yaml": Entry(LINK, "../deep/b.yaml"), "deep/b.yaml": "one"})
    source = make_source(url, tmp_path)
    assert contents(polled(source))["links/a.yaml"] == "one"
    repository.commit({"deep/b.yaml": "two"})
    assert contents(polled(source))["links/a.yaml"] == "two"


@pytest.mark.parametrize(
    ("entry", "path", "said"),
    [
        (Entry(SUBMODULE, "1" * 40), "there", "is a submodule"),
        (Entry(SUBMODULE, "1" * 40), "there/deeper", "is a submodule"),
        (Entry(LINK, "flows"), "there", "is a symbolic link"),
        ("a file", "there", "is a file"),
        ("a file", "elsewhere", "has no folder 'elsewhere'"),
    ],
)
def test_a_path_that_is_no_folder_says_what_it_is(
    url: str, repository: Repository, tmp_path: Path, entry: str | Entry, path: str, said: str
) -> None:
    repository.commit({"there": entry, "flows/a.yaml": "x"})
    error = refusal(make_source(url, tmp_path, path=path))
    assert error.reason == "absent"
    assert said in str(error)


def test_submodules_are_passed_over(url: str, repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "x", "sub": Entry(SUBMODULE, "1" * 40), "sub.yaml": Entry(SUBMODULE, "1" * 40)})
    snapshot = polled(make_source(url, tmp_path))
    assert (list(snapshot.files), snapshot.faults) == (["a.yaml"], ())


def test_what_is_in_lfs_says_so(url: str, repository: Repository, tmp_path: Path) -> None:
    from engine.sync.loading import SnapshotLoader

    repository.commit({"a.yaml": LFS_POINTER, ".gitattributes": "*.yaml filter=lfs\n"})
    result = SnapshotLoader(Rules()).load(polled(make_source(url, tmp_path)))
    [fault] = result.diagnostics
    assert (fault.file, fault.code) == ("a.yaml", "E0014")
    assert "Git LFS" in fault.message


def test_no_filter_or_line_ending_of_the_repository_is_applied(
    url: str, repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"a.yaml": "one\r\ntwo $Id$\n", ".gitattributes": "* text=auto eol=crlf ident\n"})
    assert contents(polled(make_source(url, tmp_path)))["a.yaml"] == "one\r\ntwo $Id$\n"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (GitLimits(files_max=2), "too_many_files"),
        (GitLimits(entries_max=4), "too_many_files"),
        (GitLimits(depth_max=1), "too_deep"),
        (GitLimits(total_bytes_max=10), "too_large"),
        (GitLimits(fetch_bytes_max=100), "too_large"),
    ],
)
def test_what_is_too_much_is_refused_whole(
    url: str, repository: Repository, tmp_path: Path, limits: GitLimits, reason: str
) -> None:
    repository.commit({"a.yaml": "12345", "b.yaml": "12345", "x/y/c.yaml": "12345"})
    assert refusal(make_source(url, tmp_path, limits=limits)).reason == reason


def test_a_file_that_is_too_large_is_a_fault_of_its_own_and_is_not_read(
    url: str, repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"a.yaml": "x" * 100, "b.yaml": "y"})
    snapshot = polled(make_source(url, tmp_path, limits=GitLimits(file_bytes_max=50)))
    assert list(snapshot.files) == ["b.yaml"]
    assert "100 bytes, more than 50" in snapshot.faults[0].message


def test_it_is_asked_when_it_is_due_or_nudged(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path
) -> None:
    clock = Clock()
    repository.commit({"a.yaml": "one"})
    source = make_source(url, tmp_path, clock=clock, interval_seconds=60)
    first = source.fetch()
    second = repository.commit({"a.yaml": "two"})
    clock.seconds = 59
    asked(git_http)
    assert source.fetch() is first
    assert asked(git_http) == []
    clock.seconds = 60
    assert source.fetch().version == second
    third = repository.commit({"a.yaml": "three"})
    source.nudge()
    halt = threading.Event()
    halt.set()  # as whoever nudges does: the wait itself would last
    assert source.wait(halt, 60)
    assert source.fetch().version == third


def test_a_server_that_fails_is_asked_again_sooner_and_then_later(git_http: GitHttp, tmp_path: Path) -> None:
    clock = Clock()
    source = make_source(git_http.url("none"), tmp_path, clock=clock, interval_seconds=60)
    waits = []
    for _ in range(6):
        with pytest.raises(FetchError):
            source.fetch()
        waits.append(source._due_at - clock.seconds)
        clock.seconds = source._due_at
    assert waits == [5, 10, 20, 40, 60, 60]


def test_sources_that_began_together_ask_apart(url: str, repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "one"})
    source = make_source(url, tmp_path, interval_seconds=60)
    source._chance = lambda: 0.5
    polled(source)
    assert source._due_at == 57


def test_no_more_than_a_few_transfers_run_at_once(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.yaml": "one"})
    monkeypatch.setattr("engine.sync.git.process._turns", threading.BoundedSemaphore(1))
    git_http.silent = threading.Event()
    sources = [make_source(url, tmp_path / name, silence_seconds=60) for name in ("one", "two")]
    threads = [threading.Thread(target=refusal, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    until(lambda: bool(git_http.requests), "one asks")
    for source in sources:
        source.interrupt()
    for thread in threads:
        thread.join(30)
    assert len(git_http.requests) == 1
