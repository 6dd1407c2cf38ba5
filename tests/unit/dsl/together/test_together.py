"""What only shows over several workflows: the place and the hint of each fault, and that none is told twice."""

import sys
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from dsl.loader import LoadedWorkflow, LoadResult, load_alone, load_text
from dsl.loader import join as join_results
from dsl.model import Workflow
from dsl.together import check_together
from dsl.together.cycles import cycles

LEAF = "tasks: {hello: {run: x}}\n"


def flow(name: str, *calls: str, head: str = "") -> str:
    """A workflow; each of `calls` is the rest of a child's block."""
    tasks = "".join(f"  c{number}: {{workflow: {{name: {call}}}}}\n" for number, call in enumerate(calls))
    return f"name: {name}\n{head}" + (f"tasks:\n{tasks}" if calls else LEAF)


def check(*texts: str, known: Any = None) -> list[tuple[str, int, int]]:
    return [(item.code, item.line, item.column) for item in load(*texts, known=known).diagnostics]


def load(*texts: str, known: Any = None) -> LoadResult:
    return load_text("---\n".join(texts), "w.yaml", known=known)


def compiled(text: str) -> Workflow:
    return load_text(text, "k.yaml").workflows[0].workflow


def test_a_missing_child_names_the_nearest_of_its_namespace_or_the_same_name_in_another() -> None:
    [found] = load(flow("top", "lood"), flow("load")).diagnostics
    assert (found.message, found.hint) == (
        "the child workflow 'default/lood' is not among these files",
        "did you mean 'load'?",
    )
    [found] = load(flow("top", "load"), flow("load", head="namespace: data\n")).diagnostics
    assert found.hint == "did you mean 'data/load'?"


def test_offline_a_missing_child_warns_and_with_an_engine_it_refuses() -> None:
    assert load(flow("top", "child")).workflows
    result = load(flow("top", "child"), known=lambda _: {})
    assert ([item.code for item in result.diagnostics], result.workflows) == (["E0510"], ())


def test_a_child_of_the_engine_is_checked_like_one_of_the_files() -> None:
    child = compiled(flow("child", head="inputs: {n: {type: integer}}\n"))
    asked: list[list[str]] = []

    def known(names: list[str]) -> dict[str, Workflow | None]:
        asked.append(list(names))
        return {"default/child": child}

    assert check(flow("top", "child, inputs: {n: many}"), known=known) == [("E0514", 3, 44)]
    assert asked == [["default/child"]]


def test_one_whose_revision_cannot_be_read_is_there_and_not_looked_into() -> None:
    assert check(flow("top", "child, inputs: {n: many}"), known=lambda _: {"default/child": None}) == []


def test_a_circle_through_the_engine_is_found() -> None:
    child = compiled(flow("child", "top"))
    assert check(flow("top", "child"), known=lambda _: {"default/child": child}) == [("E0515", 3, 25)]


def test_what_is_in_a_faulty_file_is_not_missed() -> None:
    parts = [load_alone(flow("top", "child"), "a.yaml"), load_alone("name: child\ntasks: {a: {rum: x}}\n", "b.yaml")]
    result = join_results(parts, known=lambda _: {})
    assert {item.file for item in result.diagnostics} == {"b.yaml"}
    assert [item.workflow.name for item in result.workflows] == ["top"]


CHILD = flow(
    "child",
    head="env: {N: '${{ inputs.n }}'}\n"
    "inputs: {n: {type: integer}, w: {type: string, enum: [eu, us], default: eu}, unused: {type: object}}\n",
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{n: 1}", []),
        ("{n: 1, w: eu}", []),
        ("{n: 1.5}", [("E0514", 4, 44)]),
        ("{n: 1, w: uk}", [("E0514", 4, 50)]),
        ("{n: 1, v: eu}", [("E0512", 4, 47)]),
        ("{w: eu}", [("E0513", 4, 8)]),
        ("{n: '${{ inputs.count }}'}", []),
        ("{n: '${{ inputs.day }}'}", [("E0514", 4, 44)]),
        ("{n: 'x${{ inputs.count }}'}", [("E0514", 4, 44)]),
        ("{n: ['${{ inputs.count }}']}", [("E0514", 4, 44)]),
    ],
)
def test_inputs_are_held_against_what_the_child_declares(given: str, expected: list[Any]) -> None:
    head = "inputs: {count: {type: integer, default: 1}, day: {type: date, default: '2026-01-01'}}\n"
    assert check(flow("top", f"child, inputs: {given}", head=head), CHILD) == expected


def test_a_circle_is_told_at_each_of_its_places_and_nowhere_else() -> None:
    texts = (flow("a", "b"), flow("b", "c"), flow("c", "a"), flow("outside", "a"))
    result = load(*texts)
    assert [(item.code, item.line) for item in result.diagnostics] == [("E0515", 3), ("E0515", 7), ("E0515", 11)]
    assert result.diagnostics[1].message.endswith("default/b -> default/c -> default/a -> default/b")


def test_a_circle_of_triggers_and_children_is_told_where_each_starts_the_next() -> None:
    triggered = "triggers: {t: {workflow: {name: %s}}}\n"
    b, c = (flow(name, head=triggered % of) for name, of in (("b", "outside"), ("c", "b")))
    result = load(flow("a", "b", head=triggered % "c"), b, c, flow("outside", "c"))
    assert [(item.code, item.line) for item in result.diagnostics] == [("E0522", 2), ("E0522", 4), ("E0522", 11)]
    assert "default/a -> default/b -> default/c -> default/a" in {
        item.message.rpartition(": ")[2] for item in result.diagnostics
    }


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ({"a": ["b"], "b": []}, []),
        ({"a": ["a"], "b": ["b"]}, [["a"], ["b"]]),
        ({"a": ["b", "c"], "b": ["c"], "c": ["d"], "d": ["c"]}, [["c", "d"]]),
        ({"a": ["b"], "b": ["a", "c"], "c": ["b"]}, [["a", "b"]]),
        ({"a": ["b"], "b": ["a", "c"], "c": ["d"], "d": ["c"]}, [["a", "b"], ["c", "d"]]),
        ({"a": ["gone"]}, []),
    ],
)
def test_circles(edges: dict[str, list[str]], found: list[list[str]]) -> None:
    assert list(cycles(edges)) == found


LOCK = "locks: [w]\n"


def test_a_lock_is_met_again_below_however_deep() -> None:
    assert check(flow("a", "b", head=LOCK), flow("b", "c"), flow("c", head=LOCK)) == [("E0517", 4, 25)]


def test_a_lock_of_the_calling_task_is_held_as_well() -> None:
    top = "name: a\ntasks:\n  t: {locks: [w], workflow: {name: b}}\n  u: {locks: [w], run: x}\n"
    assert check(top, flow("b", head=LOCK)) == [("E0517", 3, 36)]


def test_who_does_not_wait_or_has_another_namespace_blocks_nobody() -> None:
    assert check(flow("a", "b, wait: false", head=LOCK), flow("b", head=LOCK)) == []
    assert check(flow("a", "x/b", head=LOCK), flow("b", head=f"namespace: x\n{LOCK}")) == []


def test_ten_below_the_first_are_fine_and_eleven_are_not() -> None:
    names = [f"w{number:02}" for number in range(12)]
    chain = [flow(name, below) for name, below in pairwise(names)] + [flow(names[-1])]
    assert check(*chain[1:]) == []
    assert check(*chain) == [("E0516", 3, 25)]


def many(number: int) -> list[LoadedWorkflow]:
    """Workflows that each start the one of half their number."""
    [base] = load_alone(flow("w", "child"), "w.yaml").workflows
    [task], [child] = base.workflow.tasks.values(), base.references.children
    made = []
    for each in range(1, number):
        target = f"default/w{each // 2}"
        tasks = {task.id: replace(task, spec={**task.spec, "name": target})}
        workflow = replace(base.workflow, name=f"w{each}", tasks=tasks)
        said = replace(base.references, children=(replace(child, target=target),))
        made.append(replace(base, workflow=workflow, references=said, file=f"{each}.yaml"))
    return made


def test_many_workflows_take_steps_in_proportion() -> None:
    """Counted in calls, since a clock would also tell of the machine."""

    def steps(number: int) -> int:
        members = many(number)
        count = 0

        def note(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal count
            count += event in {"call", "c_call"}

        sys.setprofile(note)
        try:
            found = check_together(members, None, ())
        finally:
            sys.setprofile(None)
        assert found
        return count

    steps(10)
    assert steps(2_000) < 15 * steps(200)
