"""What can go wrong with a git server, each with its reason and its remedy; and that nobody is held up by it."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.sync.git.mirror import forget
from engine.sync.git.source import GitSource
from engine.sync.source import FetchError
from tests.integration.git_play import contents, make_source, polled, refusal, ssh_auth, unique
from tests.integration.rabbitmq_play import until
from tests.services.git import Repository
from tests.services.git_http import GitHttp
from tests.services.git_ssh import GitSsh


@pytest.fixture
def repository(git_http: GitHttp) -> Repository:
    repository = git_http.new(unique())
    repository.commit({"a.yaml": "one"})
    return repository


@pytest.fixture
def url(git_http: GitHttp, repository: Repository) -> str:
    return git_http.url(repository.path.stem)


@contextlib.contextmanager
def listener() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_nobody_is_there(tmp_path: Path) -> None:
    error = refusal(make_source("http://127.0.0.1:1/a.git", tmp_path))
    assert error.reason == "unreachable"
    assert "http://127.0.0.1:1/a.git cannot be reached" in str(error)
    assert "hint:" in str(error)


def test_a_host_that_has_no_address(tmp_path: Path) -> None:
    assert refusal(make_source("https://nowhere.invalid/a.git", tmp_path)).reason == "unreachable"


def test_a_proxy_of_the_environment_is_used_and_not_for_this_machine(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "near.invalid")
    error = refusal(make_source("https://git.invalid/a.git", tmp_path / "far"))
    assert error.reason == "unreachable"
    assert "failed to connect to 127.0.0.1" in str(error)
    assert "resolve address for near" in str(refusal(make_source("https://near.invalid/a.git", tmp_path / "near")))
    assert contents(polled(make_source(url, tmp_path / "here"))) == {"a.yaml": "one"}


@pytest.mark.parametrize("server", ["http", "ssh"])
def test_a_repository_that_is_not_there(git_http: GitHttp, git_ssh: GitSsh, tmp_path: Path, server: str) -> None:
    if server == "http":
        source = make_source(git_http.url("none"), tmp_path)
    else:
        source = make_source(git_ssh.url("none"), tmp_path, {"KEY": git_ssh.key}, auth=ssh_auth(git_ssh))
    error = refusal(source)
    assert error.reason == "not_found"
    assert "check 'url'" in str(error)


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    assert refusal(make_source(f"file://{tmp_path}/nothing", tmp_path / "state")).reason == "not_found"
    (tmp_path / "folder").mkdir()
    assert refusal(make_source(f"file://{tmp_path}/folder", tmp_path / "state")).reason == "not_found"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "auth_failed"), (403, "auth_failed"), (404, "not_found"), (429, "rate_limited"), (500, "server_error")],
)
def test_http_says_no(git_http: GitHttp, url: str, tmp_path: Path, status: int, reason: str) -> None:
    git_http.status = status
    assert refusal(make_source(url, tmp_path)).reason == reason


@pytest.mark.parametrize("kind", ["http", "ssh"])
def test_a_server_that_takes_the_call_and_says_nothing(git_ssh: GitSsh, tmp_path: Path, kind: str) -> None:
    with listener() as port:
        if kind == "http":
            source = make_source(f"http://127.0.0.1:{port}/a.git", tmp_path, silence_seconds=0.3)
        else:
            auth = ssh_auth(git_ssh)
            source = make_source(
                f"ssh://git@127.0.0.1:{port}/a.git", tmp_path, {"KEY": git_ssh.key}, auth=auth, silence_seconds=0.3
            )
        error = refusal(source)
    assert error.reason == "timeout"
    assert "silence_seconds" in str(error)


def test_a_server_that_talks_without_end(git_http: GitHttp, url: str, tmp_path: Path) -> None:
    git_http.trickle_seconds = 0.05
    error = refusal(make_source(url, tmp_path, timeout_seconds=1))
    assert error.reason == "timeout"
    assert "timeout_seconds" in str(error)


def test_a_branch_that_is_deleted_leaves_everything_and_its_return_is_seen(
    url: str, repository: Repository, tmp_path: Path
) -> None:
    commit = repository.commit({"b.yaml": "two"}, branch="flows")
    source = make_source(url, tmp_path, branch="flows")
    polled(source)
    repository.delete("refs/heads/flows")
    error = refusal(source)
    assert (error.reason, "it has the branches main" in str(error)) == ("ref_not_found", True)
    repository.move("refs/heads/flows", commit)
    assert polled(source).version == commit


def test_a_tag_of_something_else_than_a_commit(url: str, repository: Repository, tmp_path: Path) -> None:
    repository.git("tag", "tree", repository.git("rev-parse", "main^{tree}").strip())
    error = refusal(make_source(url, tmp_path, tag="tree"))
    assert error.reason == "ref_not_found"
    assert "names no commit" in str(error)


def test_a_commit_that_is_nowhere(url: str, tmp_path: Path) -> None:
    error = refusal(make_source(url, tmp_path, commit="f" * 40))
    assert error.reason == "ref_not_found"
    assert "there is no commit ffff" in str(error)


def test_a_repository_that_has_nothing_yet(git_http: GitHttp, tmp_path: Path) -> None:
    name = unique()
    repository = git_http.new(name)
    source = make_source(git_http.url(name), tmp_path)
    assert refusal(source).reason == "empty"
    commit = repository.commit({"a.yaml": "one"})
    assert polled(source).version == commit


def test_a_repository_that_is_emptied(url: str, repository: Repository, tmp_path: Path) -> None:
    source = make_source(url, tmp_path)
    polled(source)
    repository.commit({"a.yaml": None, "README.md": "moved away"})
    error = refusal(source)
    assert error.reason == "empty"
    assert "nothing is removed for that" in str(error)
    for ref in repository.git("for-each-ref", "--format=%(refname)").split():
        repository.delete(ref)
    assert refusal(source).reason == "empty"


def test_a_history_that_is_rewritten_is_followed(url: str, repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "two"})
    source = make_source(url, tmp_path)
    old = polled(source).version
    new = repository.commit({"a.yaml": "three"}, parent=None)
    snapshot = polled(source)
    assert (snapshot.version, contents(snapshot)) == (new, {"a.yaml": "three"})
    assert snapshot.relation is not None
    assert snapshot.relation(old, None) in {"newer", "rewritten"}


def test_an_answer_that_breaks_off_is_fetched_again(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path
) -> None:
    repository.commit({f"{number}.yaml": "x" * number for number in range(50)})
    source = make_source(url, tmp_path)
    git_http.cut_bytes = 200
    assert refusal(source).reason in {"unreachable", "failed"}
    assert list(tmp_path.glob("*.git")) == []
    git_http.cut_bytes = 0
    assert len(polled(source).files) == 51


def running(parent: psutil.Process) -> list[psutil.Process]:
    """The transfers that run."""
    found = []
    for child in parent.children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if any("engine.sync.git.transfer" in word for word in child.cmdline()):
                found.append(child)
    return found


def in_background(source: GitSource) -> tuple[threading.Thread, list[FetchError]]:
    caught: list[FetchError] = []

    def fetch() -> None:
        try:
            source.fetch()
        except FetchError as error:
            caught.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    return thread, caught


def test_a_clone_that_is_killed_midway_leaves_nothing_and_the_next_is_whole(
    git_http: GitHttp, url: str, tmp_path: Path
) -> None:
    git_http.silent = threading.Event()
    source = make_source(url, tmp_path)
    thread, caught = in_background(source)
    until(lambda: bool(git_http.requests), "the server is asked")
    for process in running(psutil.Process()):
        process.send_signal(signal.SIGKILL)
    thread.join(20)
    assert [error.reason for error in caught] == ["failed"]
    git_http.silent.set()
    git_http.reset()
    left = tmp_path / f"{source._mirror._prefix}-left.tmp"
    left.mkdir()
    assert contents(polled(source)) == {"a.yaml": "one"}
    assert not left.exists()


def test_a_stop_ends_a_fetch_that_hangs_at_once(git_http: GitHttp, url: str, tmp_path: Path) -> None:
    git_http.silent = threading.Event()
    source = make_source(url, tmp_path, silence_seconds=60)
    thread, caught = in_background(source)
    until(lambda: bool(git_http.requests), "the server is asked")
    began = time.monotonic()
    source.interrupt()
    thread.join(20)
    assert time.monotonic() - began < 5
    assert [error.reason for error in caught] == ["interrupted"]
    assert refusal(source).reason == "interrupted"
    source.close()
    source.close()


def test_a_transfer_ends_with_whoever_started_it(tmp_path: Path) -> None:
    with listener() as port:
        program = (
            "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[1])\n"
            "from tests.integration.git_play import make_source\n"
            f"make_source('http://127.0.0.1:{port}/a.git', Path(sys.argv[2]), silence_seconds=60).fetch()\n"
        )
        root = str(Path(__file__).parents[2])
        engine = subprocess.Popen([sys.executable, "-c", program, root, str(tmp_path)], stderr=subprocess.DEVNULL)
        parent = psutil.Process(engine.pid)
        until(lambda: bool(running(parent)), "the transfer runs")
        [transfer] = running(parent)
        engine.kill()
        engine.wait(20)
        psutil.wait_procs([transfer], timeout=20)
        assert not transfer.is_running()


DAMAGES = ["its objects are gone", "a pack is cut", "its configuration is no text", "it is no repository"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mirror_is_thrown_away_and_made_anew(
    url: str, repository: Repository, tmp_path: Path, damage: str
) -> None:
    before = make_source(url, tmp_path)
    polled(before)
    before.close()
    [mirror] = tmp_path.glob("*.git")
    [pack] = mirror.glob("objects/pack/*.pack")
    if damage == "its objects are gone":
        shutil.rmtree(mirror / "objects" / "pack")
    elif damage == "a pack is cut":
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])
    elif damage == "its configuration is no text":
        (mirror / "config").write_bytes(b"[core\0")
    else:
        shutil.rmtree(mirror)
        mirror.mkdir()
    assert contents(polled(make_source(url, tmp_path))) == {"a.yaml": "one"}


def test_a_mirror_that_is_damaged_under_a_running_source_heals(
    url: str, repository: Repository, tmp_path: Path
) -> None:
    source = make_source(url, tmp_path)
    snapshot = polled(source)
    [mirror] = tmp_path.glob("*.git")
    source._mirror.close()
    shutil.rmtree(mirror / "objects" / "pack")
    with pytest.raises(FetchError) as caught:
        snapshot.files["a.yaml"].read()
    assert caught.value.reason == "damaged"
    assert contents(source.fetch()) == {"a.yaml": "one"}


def test_a_mirror_with_many_packs_is_made_anew(
    url: str, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sync.git.mirror.PACKS_MAX", 2)
    source = make_source(url, tmp_path)
    packs = []
    for number in range(5):
        repository.commit({"a.yaml": f"{number}"})
        assert contents(polled(source)) == {"a.yaml": f"{number}"}
        packs.append(len(list(tmp_path.glob("*.git/objects/pack/*.pack"))))
    assert packs == [1, 2, 3, 1, 2]


def test_two_sources_may_share_a_directory_and_two_processes_a_mirror(
    url: str, repository: Repository, tmp_path: Path
) -> None:
    sources = [make_source(url, tmp_path, name=name) for name in ("one", "two", "one", "one")]
    threads = [in_background(source) for source in sources]
    for thread, caught in threads:
        thread.join(60)
        assert caught == []
    assert all(contents(source.fetch()) == {"a.yaml": "one"} for source in sources)
    assert len(list(tmp_path.glob("*.git"))) == 2


def test_a_mirror_that_another_process_holds_is_waited_for_but_not_for_ever(url: str, tmp_path: Path) -> None:
    holder, waiting = make_source(url, tmp_path), make_source(url, tmp_path, timeout_seconds=0.2)
    with holder._mirror.locked(threading.Event(), 1):
        error = refusal(waiting)
    assert error.reason == "busy"


def test_another_address_takes_another_mirror_and_removes_the_old(git_http: GitHttp, url: str, tmp_path: Path) -> None:
    polled(make_source(url, tmp_path))
    name = unique()
    git_http.new(name).commit({"b.yaml": "other"})
    assert contents(polled(make_source(git_http.url(name), tmp_path))) == {"b.yaml": "other"}
    assert len(list(tmp_path.glob("*.git"))) == 1
    forget(tmp_path, "main")
    assert list(tmp_path.iterdir()) == []


def test_a_push_while_the_references_are_looked_at(
    git_http: GitHttp, url: str, repository: Repository, tmp_path: Path
) -> None:
    """The commit that was seen is gone when it is fetched: a forced push came between."""
    source = make_source(url, tmp_path)
    polled(source)
    repository.commit({"a.yaml": "two"})
    moved: list[str] = []
    git_http.before_post = lambda: moved or moved.append(repository.commit({"a.yaml": "three"}, parent=None))
    snapshot = polled(source)
    assert (snapshot.version, contents(snapshot)) == (moved[0], {"a.yaml": "three"})
