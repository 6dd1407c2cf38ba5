import hashlib

import pytest

from engine.sync import loading
from engine.sync.loading import SnapshotLoader, faulty_files, names_in
from engine.sync.source import Snapshot, SourceFile

GOOD = "name: {name}\ntasks:\n  only: {{run: echo hi}}\n"


def snapshot(**contents: str) -> Snapshot:
    files = {}
    for name, text in contents.items():
        data = text.encode()
        files[f"{name}.yaml"] = SourceFile(f"{name}.yaml", hashlib.sha256(data).hexdigest(), lambda data=data: data)
    return Snapshot(version="v", files=files)


def test_only_what_is_new_is_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load_text = loading.load_text
    monkeypatch.setattr(
        loading, "load_text", lambda data, path, **more: loaded.append(path) or load_text(data, path, **more)
    )
    loader = SnapshotLoader("default")
    loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="b")))
    loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="c")))
    assert loaded == ["a.yaml", "b.yaml", "b.yaml"]


def test_files_are_checked_against_each_other_each_time() -> None:
    loader = SnapshotLoader("default")
    assert not loader.load(snapshot(a=GOOD.format(name="a"))).diagnostics
    result = loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="a")))
    assert faulty_files(result) == {"b.yaml"}
    assert not loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="b"))).diagnostics


def test_a_warning_makes_no_faulty_file() -> None:
    text = "name: a\ntasks:\n  only: {container: {image: alpine}}\n"
    result = SnapshotLoader("default").load(snapshot(a=text))
    assert result.diagnostics
    assert faulty_files(result) == frozenset()


def test_the_source_gives_the_namespace() -> None:
    [item] = SnapshotLoader("team").load(snapshot(a=GOOD.format(name="a"))).workflows
    assert item.workflow.namespace == "team"


def test_the_names_in_a_faulty_file_are_seen_even_if_it_is_no_yaml() -> None:
    text = "name: first\ntasks: {\n---\n'name' : \"second\"\n  name: inner\n"
    result = SnapshotLoader("default").load(snapshot(a=text))
    assert names_in(result, faulty_files(result)) == {"first", "second"}
