"""What a folder gives: who wins, where faults are shown, which files are looked at."""

from pathlib import Path
from typing import Any

import pytest

from dsl.defaults import Layer, load_layer
from dsl.loader import LoadedWorkflow, LoadResult, load_alone, load_paths
from dsl.render import render

BODY = "tasks:\n  only: {run: echo hi}\n"


def layers(*texts: str) -> list[Layer]:
    """Layers from near to far."""
    return [load_layer(text, f"{number}/_defaults.yaml") for number, text in enumerate(texts)]


def load(head: str, *texts: str, body: str = BODY) -> LoadResult:
    return load_alone(f"name: w\n{head}{body}", "w.yaml", layers=layers(*texts))


def one(result: LoadResult) -> LoadedWorkflow:
    assert result.diagnostics == ()
    [found] = result.workflows
    return found


def found(result: LoadResult) -> list[tuple[Any, ...]]:
    return [(item.code, item.file, item.line, item.column) for item in result.diagnostics]


def test_maps_merge_key_by_key_the_nearest_wins_the_workflow_over_all() -> None:
    loaded = one(load("env: {A: own}\n", "env: {A: near, B: near}\n", "env: {A: far, B: far, C: far}\n"))
    assert loaded.workflow.env == {"A": "own", "B": "near", "C": "far"}
    loaded = one(load("labels: {a: own}\n", "labels: {a: near, b: near}\n"))
    assert loaded.workflow.labels == {"a": "own", "b": "near"}


def test_each_default_is_replaced_whole() -> None:
    far = "defaults: {timeout: 9m, pool: far, retry: {max_attempts: 9, delay: 9s}}\n"
    loaded = one(load("defaults: {pool: own}\n", "defaults: {retry: {max_attempts: 2}}\n", far))
    task = loaded.workflow.tasks["only"]
    assert (task.pool, task.timeout_seconds) == ("own", 540)
    assert (task.retry.max_attempts, task.retry.delay_seconds) == (2, 0)


def test_a_task_wins_over_all_defaults() -> None:
    loaded = one(load("", "defaults: {timeout: 9m}\n", body="tasks:\n  only: {run: x, timeout: 1m}\n"))
    assert loaded.workflow.tasks["only"].timeout_seconds == 60


def test_a_folder_gives_the_namespace_before_the_source_does() -> None:
    assert one(load("", "namespace: near\n", "namespace: far\n")).workflow.namespace == "near"
    assert one(load("namespace: own\n", "namespace: near\n")).workflow.namespace == "own"


def test_the_digest_is_that_of_the_document_with_what_its_folders_give() -> None:
    plain, given = one(load("")), one(load("", "env: {A: b}\n"))
    assert plain.digest != given.digest == one(load("env: {A: b}\n")).digest
    assert given.document["env"] == {"A": "b"}


def test_a_file_of_comments_gives_nothing() -> None:
    assert one(load("", "# later\n")).digest == one(load("")).digest


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: x\n", ("E0101", 1, 1)),
        ("env: 5\n", ("E0103", 1, 6)),
        ("env: {A: b\n", ("E0003", 2, 1)),
        ("- a\n", ("E0103", 1, 1)),
        ("labels: {a: b}\n---\nenv: {A: b}\n", ("E0501", 3, 1)),
        ("defaults:\n  retri: {max_attempts: 2}\n", ("E0101", 2, 3)),
    ],
)
def test_a_faulty_file_is_told_at_its_place_and_refuses_what_it_reaches(text: str, fault: tuple[Any, ...]) -> None:
    layer = load_layer(text, "_defaults.yaml")
    assert [(item.code, item.line, item.column) for item in layer.diagnostics] == [fault]
    result = load_alone(f"name: w\n{BODY}", "w.yaml", layers=[layer])
    assert (result.workflows, result.diagnostics, result.refused) == ((), (), {"w.yaml"})
    assert result.claimed == {"default/w"}


def test_what_a_faulty_file_would_give_is_not_missed_on_top() -> None:
    body = 'tasks:\n  only: {http: {url: "${{ env.HOST }}"}}\n'
    assert found(load("", "env: {HOST: x, 5: y}\n", body=body)) == []


def test_a_workflow_is_still_checked_beneath_a_faulty_file() -> None:
    body = "tasks:\n  only: {run: x, needs: [gone]}\n"
    assert found(load("", "env: 5\n", body=body)) == [("E0312", "w.yaml", 3, 26)]


def test_an_expression_that_a_folder_gives_is_checked_in_each_workflow_and_shown_in_its_own_file() -> None:
    text = 'env:\n  DAY: "${{ inputs.dya }}"\n'
    result = load("inputs: {day: {type: string}}\n", text)
    assert found(result) == [("E0402", "0/_defaults.yaml", 2, 20)]
    assert result.refused == {"w.yaml"}
    assert load("inputs: {dya: {type: string}}\n", text).workflows


def test_a_secret_that_a_folder_names_must_be_declared_by_the_workflow() -> None:
    assert ("E0340", "0/_defaults.yaml", 1, 27) in found(load("", "env: {TOKEN: '${{ secrets.TOKEN }}'}\n"))


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_files_are_looked_for_up_to_the_repository(tmp_path: Path) -> None:
    files = {"_defaults": "env: {OUT: x}\n", "repo___defaults": "env: {TOP: x}\n", "repo__a__b__w": f"name: w\n{BODY}"}
    write(tmp_path, **files, repo__a___defaults="env: {A: x}\n")
    (tmp_path / "repo" / ".git").mkdir()
    for given in (tmp_path / "repo" / "a" / "b", tmp_path / "repo" / "a" / "b" / "w.yaml", tmp_path / "repo"):
        assert one(load_paths([given])).workflow.env == {"TOP": "x", "A": "x"}


def test_without_a_repository_they_are_looked_for_up_to_what_is_given(tmp_path: Path) -> None:
    write(tmp_path, _defaults="env: {TOP: x}\n", a___defaults="env: {A: x}\n", a__b__w=f"name: w\n{BODY}")
    assert one(load_paths([tmp_path / "a"])).workflow.env == {"A": "x"}
    assert one(load_paths([tmp_path / "a" / "b" / "w.yaml"])).workflow.env == {}


def test_a_fault_is_told_once_for_all_that_it_reaches_and_shown_with_its_text(tmp_path: Path) -> None:
    write(tmp_path, a__v=f"name: v\n{BODY}", a__w=f"name: w\n{BODY}", b__x=f"name: x\n{BODY}", a___defaults="env: 5\n")
    result = load_paths([tmp_path])
    assert [item.code for item in result.diagnostics] == ["E0103"]
    assert [item.workflow.name for item in result.workflows] == ["x"]
    assert "1 | env: 5" in render(result, "text")


def test_one_that_reaches_nothing_is_checked_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, a___defaults="env: 5\n", w=f"name: w\n{BODY}")
    assert [item.code for item in load_paths([tmp_path]).diagnostics] == ["E0103"]
    assert [item.code for item in load_paths([tmp_path / "a" / "_defaults.yaml"]).diagnostics] == ["E0103"]


def test_places_are_relative_where_the_path_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a___defaults="env: 5\n", a__w=f"name: w\n{BODY}")
    monkeypatch.chdir(tmp_path)
    assert [item.file for item in load_paths([Path("a")]).diagnostics] == ["a/_defaults.yaml"]


def test_a_list_of_whom_to_tell_is_replaced_whole() -> None:
    near, far = (f"notify:\n  - {{on: [failed], email: {{to: [{who}@example.org]}}}}\n" for who in ("near", "far"))
    assert [item.email_to for item in one(load("", near, far)).workflow.notify] == [("near@example.org",)]
    own = "notify:\n  - {on: [failed], email: {to: [own@example.org]}}\n"
    assert [item.email_to for item in one(load(own, near)).workflow.notify] == [("own@example.org",)]
