"""Source trees for `checkout`: what they hold, and that the same tree is the same archive."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from engine.sync import trees
from engine.sync.folder_tree import FolderTree
from engine.sync.source import FetchError, Tree, TreeFile
from engine.sync.trees import write_bundle
from workers.checkouts import unpack


def written(tree: Tree) -> bytes:
    file = io.BytesIO()
    write_bundle(tree, file)
    return file.getvalue()


def tree_of(**files: bytes) -> Tree:
    found = [
        TreeFile(name.replace("__", "/"), name.endswith("sh"), lambda data=data: data) for name, data in files.items()
    ]
    return Tree("digest", lambda: iter(found))


def test_a_bundle_comes_out_as_it_went_in(tmp_path: Path) -> None:
    data = written(tree_of(a__b__c=b"1", a__x_sh=b"2", top=b""))
    assert data == written(tree_of(a__b__c=b"1", a__x_sh=b"2", top=b""))
    unpack(io.BytesIO(data), tmp_path)
    found = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == {"a/b/c": b"1", "a/x_sh": b"2", "top": b""}
    assert [oct(found[name].stat().st_mode & 0o777) for name in ("a/b/c", "a/x_sh")] == ["0o444", "0o555"]


def test_a_tree_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "FILES_MAX", 1)
    with pytest.raises(FetchError, match="too much for `checkout`"):
        written(tree_of(a=b"", b=b""))
    monkeypatch.setattr(trees, "BYTES_MAX", 1)
    with pytest.raises(FetchError, match="too much for `checkout`"):
        written(tree_of(a=b"12"))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_an_archive_never_leads_outside(tmp_path: Path, name: str) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    file.seek(0)
    (tmp_path / "in").mkdir()
    with pytest.raises(OSError, match="outside itself"):
        unpack(file, tmp_path / "in")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folders_tree_has_its_plain_files_and_a_digest_of_them(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "a.sh").write_text("1")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("no")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    folder = FolderTree(tmp_path)
    first = folder.look()
    assert [(file.path, file.executable) for file in first.files()] == [("scripts/a.sh", False)]
    assert folder.look().digest == first.digest
    (tmp_path / "scripts" / "a.sh").chmod(0o755)
    executable = folder.look()
    (tmp_path / "scripts" / "a.sh").write_text("2")
    other = folder.look()
    assert len({first.digest, executable.digest, other.digest}) == 3
    with pytest.raises(FetchError, match="changed while it was read"):
        [file.read() for file in executable.files()]
    (tmp_path / "scripts" / "a.sh").unlink()
    with pytest.raises(FetchError, match="cannot be read"):
        [file.read() for file in other.files()]
