import os
from pathlib import Path

import pytest

from dsl.limits import FILE_BYTES_MAX
from dsl.loader import workflow_files
from engine.sync import files
from engine.sync.files import FolderFiles, workflow_paths
from engine.sync.source import FetchError


def write(root: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def test_the_files_are_those_that_the_command_line_takes(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "b.yml", "deep/er/c.yaml", "d.txt", ".e.yaml", "_defaults.yaml", "f.test.yaml", "g.yaml~")
    write(tmp_path, ".hidden/h.yaml", "_shared/i.yaml")
    found, faults = FolderFiles(tmp_path).look()
    assert list(found) == ["_defaults.yaml", "a.yaml", "b.yml", "deep/er/c.yaml"]
    assert faults == []
    assert [path.relative_to(tmp_path).as_posix() for path in workflow_files([tmp_path])] == list(found)[1:]


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.yaml", "b.yaml")
    for name in ("a.yaml", "b.yaml"):
        os.utime(tmp_path / name, (1, 1))
    monkeypatch.setattr(files, "SETTLED_NANOSECONDS", -1)
    folder = FolderFiles(tmp_path)
    first, _ = folder.look()
    write(tmp_path, "b.yaml", text="y")
    second, _ = folder.look()
    assert second["a.yaml"] is first["a.yaml"]
    assert second["b.yaml"].read() == b"y"
    assert second["b.yaml"].digest != first["b.yaml"].digest


def test_a_file_written_just_now_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    folder = FolderFiles(tmp_path)
    first, _ = folder.look()
    second, _ = folder.look()
    assert second["a.yaml"] is not first["a.yaml"]
    assert second["a.yaml"] == first["a.yaml"]


def test_a_link_out_of_the_folder_is_a_diagnostic(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path, "secret.yaml", "root/a.yaml")
    (root / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "in.yaml").symlink_to(root / "a.yaml")
    (root / "nowhere.yaml").symlink_to(root / "missing")
    (root / "folder").symlink_to(tmp_path)
    found, faults = FolderFiles(root).look()
    assert list(found) == ["a.yaml", "in.yaml"]
    assert [(item.code, item.file) for item in faults] == [("E0014", "nowhere.yaml"), ("E0014", "out.yaml")]
    assert "leads out of the source" in faults[1].message


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "real/a.yaml")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found, _ = FolderFiles(tmp_path / "link").look()
    assert list(found) == ["a.yaml"]


def test_a_mounted_config_map_is_read(tmp_path: Path) -> None:
    write(tmp_path, "..2026_01_01/a.yaml")
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    found, faults = FolderFiles(tmp_path).look()
    assert (list(found), faults) == (["a.yaml"], [])


def test_what_is_no_regular_file_is_a_diagnostic_and_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    found, [fault] = FolderFiles(tmp_path).look()
    assert found == {}
    assert fault.message == "the file cannot be read: it is not a regular file"


def test_a_name_that_is_not_text_is_a_diagnostic(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.yaml"))).write_text("x")
    found, [fault] = FolderFiles(tmp_path).look()
    assert found == {}
    fault.file.encode()


def test_of_a_file_that_is_too_large_no_more_is_read_than_tells(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", text="#" * (FILE_BYTES_MAX * 2))
    found, _ = FolderFiles(tmp_path).look()
    assert len(found["a.yaml"].read()) == FILE_BYTES_MAX + 1


@pytest.mark.parametrize(
    ("bound", "value", "reason"),
    [("FILES_MAX", 2, "too_many_files"), ("ENTRIES_MAX", 3, "too_many_files"), ("TOTAL_BYTES_MAX", 2, "too_large")],
)
def test_what_is_too_much_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, reason: str
) -> None:
    write(tmp_path, "a.yaml", "b.yaml", "c.yaml", "d.txt")
    monkeypatch.setattr(files, bound, value)
    with pytest.raises(FetchError) as caught:
        FolderFiles(tmp_path).look()
    assert caught.value.reason == reason


def test_folders_too_deep_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "/".join("d" * (files.DEPTH_MAX + 1)) + "/a.yaml")
    with pytest.raises(FetchError) as caught:
        list(workflow_paths(tmp_path))
    assert caught.value.reason == "too_deep"
