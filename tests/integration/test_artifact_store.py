"""The store of artifacts: a directory, and a server that speaks S3."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.artifacts import ArtifactError, Kept
from engine.artifacts.store import ArtifactStore
from tests.integration.rabbitmq_play import until
from tests.services import s3 as s3_server
from tests.services.demand import do_without
from tests.services.errors import ServiceUnavailableError
from tests.services.ports import free_port


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    try:
        program = s3_server.program()
    except ServiceUnavailableError as error:
        do_without(str(error))
    address = f"http://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    process = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _made(f"{address}/bucket"), "the server answers")
        yield address
    finally:
        process.terminate()
        process.wait()


def _made(url: str) -> bool:
    try:
        return httpx.put(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    if request.param == "directory":
        return ArtifactStore(str(tmp_path / "kept" / "here"))
    address = request.getfixturevalue("s3")
    given = {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ALLOW_HTTP": "true"}
    for name, value in {**given, "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return ArtifactStore("s3://bucket/prefix")


def kept(store: ArtifactStore, path: Path, content: bytes, run_id: str = "run-1") -> Kept:
    path.write_bytes(content)
    return store.keep(run_id, path)


def test_what_is_kept_comes_back(store: ArtifactStore, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    found = kept(store, tmp_path / "a", content)
    assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert b"".join(store.read(found)) == content
    assert kept(store, tmp_path / "b", content) == found
    empty = kept(store, tmp_path / "c", b"")
    assert b"".join(store.read(empty)) == b""
    assert store.forget("run-1") == 2


def test_a_run_is_forgotten_alone(store: ArtifactStore, tmp_path: Path) -> None:
    one, other = (kept(store, tmp_path / "a", b"same", run_id) for run_id in ("run-1", "run-10"))
    assert (store.forget("run-1"), store.forget("run-1")) == (1, 0)
    assert b"".join(store.read(other)) == b"same"
    with pytest.raises(ArtifactError, match="does not give run-1/"):
        list(store.read(one))
    store.forget("run-10")


def test_what_was_changed_is_noticed(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "kept"))
    found = kept(store, tmp_path / "a", b"content")
    (tmp_path / "kept" / found.run_id / found.sha256).write_bytes(b"CONTENT")
    with pytest.raises(ArtifactError, match="was changed"):
        list(store.read(found))


def test_a_store_that_cannot_be_opened_says_so() -> None:
    with pytest.raises(ArtifactError, match="cannot be opened"):
        ArtifactStore("gopher://x/y")
