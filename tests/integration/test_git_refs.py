"""What any branch, tag or commit of a git source holds, beside what the source follows."""

import hashlib
import itertools
from pathlib import Path

import pytest

from engine.sync.git.mirror import forget
from engine.sync.git.source import GitSource
from engine.sync.source import FetchError, Relation
from tests.integration.git_play import contents, flow, make_source, polled, unique
from tests.services.git import Repository
from tests.services.git_http import GitHttp


@pytest.fixture
def name() -> str:
    return unique()


@pytest.fixture
def repository(git_http: GitHttp, name: str) -> Repository:
    git_http.reset()
    repository = git_http.new(name)
    repository.commit({"one.yaml": flow("one")})
    return repository


@pytest.fixture
def source(git_http: GitHttp, name: str, repository: Repository, tmp_path: Path) -> GitSource:
    return make_source(git_http.url(name), tmp_path)


def reason(source: GitSource, ref: str) -> str:
    with pytest.raises(FetchError) as caught:
        source.snapshot_of(ref)
    return caught.value.reason


def test_a_branch_and_a_tag_by_all_their_names_and_what_is_followed_stays(
    source: GitSource, repository: Repository
) -> None:
    live = polled(source)
    commit = repository.commit({"two.yaml": flow("two")}, branch="topic", parent=live.version)
    repository.tag("v1", commit, annotated=True)
    for ref in ("topic", "refs/heads/topic", "v1", "refs/tags/v1"):
        found = source.snapshot_of(ref)
        assert (found.version, sorted(contents(found))) == (commit, ["one.yaml", "two.yaml"])
    assert source.fetch() is live
    assert polled(source) is live
    assert source.snapshot_of("").version == live.version


def test_nothing_named_is_the_newest_of_what_is_followed(source: GitSource, repository: Repository) -> None:
    before = polled(source)
    after = repository.commit({"two.yaml": flow("two")})
    assert source.snapshot_of("").version == after
    assert source.fetch() is before


@pytest.mark.parametrize("any_commit", [False, True])
def test_a_commit_in_the_middle_by_its_name_and_by_7_digits(
    source: GitSource, repository: Repository, any_commit: bool
) -> None:
    repository.git("config", "uploadpack.allowReachableSHA1InWant", str(any_commit).lower())
    middle = repository.commit({"two.yaml": flow("two")})
    newest = repository.commit({"three.yaml": flow("three")})
    for ref in (middle, middle[:7], middle[:12].upper()):
        assert source.snapshot_of(ref).version == middle
    assert source.snapshot_of(newest[:9]).version == newest


def test_a_branch_that_looks_like_a_commit_is_a_branch(source: GitSource, repository: Repository) -> None:
    first = repository.tip("refs/heads/main")
    other = repository.commit({"two.yaml": flow("two")}, branch=first[:8])
    assert source.snapshot_of(first[:8]).version == other
    assert source.snapshot_of(first[:9]).version == first


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("nowhere", "ref_not_found"),
        ("1234567", "ref_not_found"),
        ("12345678" * 5, "ref_not_found"),
        ("refs/heads/nowhere", "ref_not_found"),
        ("a..b", "bad_ref"),
        ("-x", "bad_ref"),
    ],
)
def test_what_is_not_there(source: GitSource, ref: str, expected: str) -> None:
    assert reason(source, ref) == expected


def alike(tree: str) -> tuple[bytes, bytes]:
    """Two commits of a tree whose names begin with the same 7 digits: among some ten thousand there is a pair."""
    seen: dict[str, bytes] = {}
    for number in itertools.count():
        text = f"tree {tree}\nauthor A <a@b> {number} +0000\ncommitter A <a@b> {number} +0000\n\n".encode()
        digits = hashlib.sha1(b"commit %d\0%b" % (len(text), text), usedforsecurity=False).hexdigest()[:7]
        if digits in seen:
            return seen[digits], text
        seen[digits] = text
    raise AssertionError


def test_digits_that_several_commits_begin_with(source: GitSource, repository: Repository) -> None:
    names = []
    for text in alike(repository.git("rev-parse", "main^{tree}").strip()):
        names.append(repository.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text).strip())
        repository.move(f"refs/heads/b{len(names)}", names[-1])
    assert reason(source, names[0][:7]) == "ref_ambiguous"
    assert source.snapshot_of(names[0][:20]).version == names[0]


def test_a_commit_without_the_source_s_folder(
    git_http: GitHttp, name: str, repository: Repository, tmp_path: Path
) -> None:
    first = repository.commit({"flows/a.yaml": flow("a")})
    repository.commit({"flows/a.yaml": None}, branch="topic", parent=first)
    source = make_source(git_http.url(name), tmp_path, path="flows")
    assert polled(source).files.keys() == {"a.yaml"}
    assert reason(source, "topic") == "absent"
    assert polled(source).files.keys() == {"a.yaml"}


def test_a_server_that_is_away_takes_nothing_with_it(
    git_http: GitHttp, source: GitSource, repository: Repository
) -> None:
    live = polled(source)
    git_http.status = 503
    assert reason(source, "main") == "server_error"
    assert source.fetch() is live


def test_how_it_stands_to_another_is_proven_or_unknown(source: GitSource, repository: Repository) -> None:
    first = repository.tip("refs/heads/main")
    second = repository.commit({"two.yaml": flow("two")})
    for number in range(5):
        repository.commit({"one.yaml": flow("one", f"w{number}")}, branch="topic", parent=first if number == 0 else "")

    def stands(ref: str, to: str) -> Relation:
        relation = source.snapshot_of(ref).relation
        assert relation is not None
        return relation(to, None)

    assert stands("main", first) is Relation.NEWER
    assert stands("topic", first) is Relation.NEWER
    assert stands("main", second) is Relation.SAME
    assert stands(first, second) is Relation.OLDER
    assert stands("topic", second) is Relation.REWRITTEN
    assert stands("main", "a folder's version") is Relation.REWRITTEN


def test_a_source_that_is_gone_leaves_neither_mirror(source: GitSource, tmp_path: Path) -> None:
    polled(source)
    source.snapshot_of("main")
    source.close()
    assert len(list(tmp_path.glob("*.git"))) == 2
    forget(tmp_path, "main")
    assert list(tmp_path.iterdir()) == []
