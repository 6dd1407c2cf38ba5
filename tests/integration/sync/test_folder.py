import shutil
import threading
from pathlib import Path

import pytest

from engine.sync.folder import FolderSource
from engine.sync.source import FetchError


@pytest.fixture
def folder(tmp_path: Path):
    source = FolderSource("main", tmp_path / "workflows")
    yield source
    source.close()


def changed(source: FolderSource, seconds: float = 10.0) -> bool:
    return source.wait(threading.Event(), seconds)


def test_a_folder_that_is_not_there_says_so(folder: FolderSource) -> None:
    with pytest.raises(FetchError) as caught:
        folder.fetch()
    assert caught.value.reason == "absent"


def test_an_empty_folder_gives_no_snapshot(folder: FolderSource) -> None:
    folder.folder.mkdir()
    with pytest.raises(FetchError) as caught:
        folder.fetch()
    assert caught.value.reason == "empty"


def test_the_version_is_that_of_the_content(folder: FolderSource) -> None:
    folder.folder.mkdir()
    file = folder.folder / "a.yaml"
    file.write_text("one")
    first = folder.fetch()
    assert folder.fetch().version == first.version
    file.write_text("two")
    assert folder.fetch().version != first.version
    file.write_text("one")
    assert folder.fetch().version == first.version
    file.rename(folder.folder / "b.yaml")
    assert folder.fetch().version != first.version


def test_a_change_after_the_fetch_is_seen_by_the_wait(folder: FolderSource) -> None:
    folder.folder.mkdir()
    (folder.folder / "a.yaml").write_text("one")
    folder.fetch()
    (folder.folder / "a.yaml").write_text("two")
    assert changed(folder)


def test_a_file_in_a_new_folder_is_seen(folder: FolderSource) -> None:
    (folder.folder / "deep").mkdir(parents=True)
    (folder.folder / "a.yaml").write_text("one")
    folder.fetch()
    (folder.folder / "deep" / "er").mkdir()
    assert changed(folder)
    folder.fetch()
    (folder.folder / "deep" / "er" / "b.yaml").write_text("two")
    assert changed(folder)
    assert set(folder.fetch().files) == {"a.yaml", "deep/er/b.yaml"}


def test_hidden_files_wake_nobody_but_a_swapped_mount_does(folder: FolderSource) -> None:
    state = folder.folder / ".chronoverse"
    state.mkdir(parents=True)
    (folder.folder / "a.yaml").write_text("one")
    folder.fetch()
    (state / "db-wal").write_text("x")
    assert not changed(folder, 0.2)
    (folder.folder / "..data").symlink_to(".chronoverse")
    assert changed(folder)


def test_a_wait_ends_when_it_is_told_to(folder: FolderSource) -> None:
    folder.folder.mkdir()
    (folder.folder / "a.yaml").write_text("one")
    folder.fetch()
    halt = threading.Event()
    halt.set()
    assert not folder.wait(halt, 60)


def test_a_folder_that_goes_and_comes_back_is_watched_again(folder: FolderSource) -> None:
    folder.folder.mkdir()
    (folder.folder / "a.yaml").write_text("one")
    folder.fetch()
    shutil.rmtree(folder.folder)
    with pytest.raises(FetchError):
        folder.fetch()
    folder.folder.mkdir()
    (folder.folder / "a.yaml").write_text("one")
    assert changed(folder)
    folder.fetch()
    (folder.folder / "a.yaml").write_text("two")
    assert changed(folder)


def test_a_folder_replaced_under_its_name_is_watched_again(folder: FolderSource, tmp_path: Path) -> None:
    folder.folder.mkdir()
    (folder.folder / "a.yaml").write_text("one")
    folder.fetch()
    folder.folder.rename(tmp_path / "old")
    folder.folder.mkdir()
    (folder.folder / "a.yaml").write_text("two")
    folder.fetch()
    (folder.folder / "a.yaml").write_text("three")
    assert changed(folder)


def test_a_folder_that_cannot_be_watched_is_looked_at_all_the_same(
    folder: FolderSource, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("engine.sync.folder.RustNotify", refuse)
    monkeypatch.setattr("engine.sync.folder.UNWATCHED_SECONDS", 0.01)
    folder.folder.mkdir()
    (folder.folder / "a.yaml").write_text("one")
    assert set(folder.fetch().files) == {"a.yaml"}
    assert "max_user_watches" in caplog.text
    assert changed(folder)
