import hashlib

import pytest

from dsl.diagnostics import START, Fault, diagnostic
from engine.store.reads_live import Live
from engine.sync import loading
from engine.sync.files import UnreadableFileError
from engine.sync.loading import SnapshotLoader, faulty_files, names_in
from engine.sync.source import Rules, Snapshot, SourceFile

GOOD = "name: {name}\ntasks:\n  only: {{run: echo hi}}\n"


def snapshot(**contents: str) -> Snapshot:
    files = {}
    for name, text in contents.items():
        data = text.encode()
        files[f"{name}.yaml"] = SourceFile(f"{name}.yaml", hashlib.sha256(data).hexdigest(), lambda data=data: data)
    return Snapshot(version="v", files=files)


def test_only_what_is_new_is_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load_alone = loading.load_alone
    monkeypatch.setattr(
        loading, "load_alone", lambda data, path, **more: loaded.append(path) or load_alone(data, path, **more)
    )
    loader = SnapshotLoader(Rules())
    loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="b")))
    loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="c")))
    assert loaded == ["a.yaml", "b.yaml", "b.yaml"]
    loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="c"), **{"x/_defaults": "env: {A: b}\n"}))
    assert len(loaded) == 3, "a defaults file that reaches neither"
    loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="c"), _defaults="env: {A: b}\n"))
    assert loaded[3:] == ["a.yaml", "b.yaml"]


def test_files_are_checked_against_each_other_each_time() -> None:
    loader = SnapshotLoader(Rules())
    assert not loader.load(snapshot(a=GOOD.format(name="a"))).diagnostics
    result = loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="a")))
    assert faulty_files(result) == {"b.yaml"}
    assert not loader.load(snapshot(a=GOOD.format(name="a"), b=GOOD.format(name="b"))).diagnostics


def test_a_warning_makes_no_faulty_file() -> None:
    text = "name: a\ntasks:\n  only: {container: {image: alpine}}\n"
    result = SnapshotLoader(Rules()).load(snapshot(a=text))
    assert result.diagnostics
    assert faulty_files(result) == frozenset()


def test_the_source_gives_the_namespace() -> None:
    [item] = SnapshotLoader(Rules(namespace="team")).load(snapshot(a=GOOD.format(name="a"))).workflows
    assert item.workflow.namespace == "team"


def test_the_names_in_a_faulty_file_are_seen_even_if_it_is_no_yaml() -> None:
    text = "name: first\ntasks: {\n---\n'name' : \"second\"\n  name: inner\n"
    result = SnapshotLoader(Rules()).load(snapshot(a=text))
    assert names_in(result, faulty_files(result)) == {"first", "second"}


def test_a_faulty_defaults_file_refuses_what_it_reaches_and_is_told_once() -> None:
    files = {"a": GOOD.format(name="a"), "x/b": GOOD.format(name="b"), "x/c": GOOD.format(name="c")}
    result = SnapshotLoader(Rules()).load(snapshot(**files, **{"x/_defaults": "env: 5\n"}))
    assert [(item.code, item.file, item.line, item.column) for item in result.diagnostics] == [
        ("E0103", "x/_defaults.yaml", 1, 6)
    ]
    assert faulty_files(result) == {"x/_defaults.yaml", "x/b.yaml", "x/c.yaml"}
    assert [item.workflow.name for item in result.workflows] == ["a"]


def test_a_defaults_file_that_cannot_be_read_refuses_what_it_reaches() -> None:
    found = snapshot(a=GOOD.format(name="a"))
    fault = diagnostic(Fault("E0014", "the file cannot be read: no", START), "_defaults.yaml")
    loader = SnapshotLoader(Rules())
    assert loader.load(found).workflows
    refused = loader.load(Snapshot(version="w", files=found.files, faults=(fault,)))
    assert (refused.workflows, faulty_files(refused)) == ((), {"_defaults.yaml", "a.yaml"})
    assert loader.load(found).workflows


CALLER = "name: caller\ntasks:\n  child: {workflow: {name: child}}\n"


def test_a_child_may_be_live_in_another_source_but_not_gone_from_this_one() -> None:
    def codes(source: str) -> list[str]:
        live = Live("default/child", source, "child.yaml", None)
        result = SnapshotLoader(Rules(), source="main").load(snapshot(a=CALLER), lambda _: {live.name: live})
        return [item.code for item in result.diagnostics]

    assert codes("other") == []
    assert codes("main") == ["E0510"]


def test_a_child_in_a_faulty_file_stays_as_it_is() -> None:
    live = Live("default/child", "main", "child.yaml", None)
    loader = SnapshotLoader(Rules(), source="main")
    result = loader.load(snapshot(a=CALLER, child="name: child\ntasks: {\n"), lambda _: {live.name: live})
    assert faulty_files(result) == {"child.yaml"}
    assert [item.workflow.name for item in result.workflows] == ["caller"]


def test_a_file_that_turns_out_unreadable_is_a_fault_of_its_own() -> None:
    def refuse() -> bytes:
        raise UnreadableFileError("it is in Git LFS")

    found = snapshot(a=GOOD.format(name="a"))
    bad = {path: SourceFile(path, "1", refuse) for path in ("b.yaml", "deep/_defaults.yaml")}
    result = SnapshotLoader(Rules()).load(Snapshot(version="v", files={**found.files, **bad}))
    assert [item.workflow.name for item in result.workflows] == ["a"]
    assert [(item.file, item.code) for item in result.diagnostics] == [
        ("b.yaml", "E0014"),
        ("deep/_defaults.yaml", "E0014"),
    ]
    assert "Git LFS" in result.diagnostics[0].message
    assert faulty_files(result) == {"b.yaml", "deep/_defaults.yaml"}
