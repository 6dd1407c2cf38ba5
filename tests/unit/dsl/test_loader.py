"""Whole files: each fault is one diagnostic, with its code and its place; bounded in time whatever the input."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.loader import load_text
from dsl.model import Workflow, decode, encode

GOOD = "name: w\ntasks:\n  a: {run: x}\n"
TASKS = "tasks:\n  a: {run: x}\n"
LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


def places(text: str | bytes) -> list[tuple[str, int, int]]:
    return [(item.code, item.line, item.column) for item in load_text(text, "w.yaml").diagnostics]


def one(text: str) -> Workflow:
    result = load_text(text, "w.yaml")
    assert result.diagnostics == ()
    return result.workflows[0].workflow


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("E0016", 1, 1)),
        ("# nothing\n", ("E0016", 1, 1)),
        (b"name: \xff\xfe", ("E0001", 1, 7)),
        ("name: w\n#" + "x" * (1 << 20), ("E0002", 1, 1)),
        ("name: w\ntasks:\n\ta: {run: x}\n", ("E0004", 3, 1)),
        (GOOD + "name: v\n", ("E0005", 4, 1)),
        (GOOD + "\0", ("E0012", 4, 1)),
        ("name: w\nlabels: &a {x: *a}\n" + TASKS, ("E0007", 2, 9)),
        ("name: w\nlabels: " + "{a: " * 70 + "x" + "}" * 70 + "\n" + TASKS, ("E0008", 1, 1)),
        ("- a\n", ("E0103", 1, 1)),
        ("hello", ("E0103", 1, 1)),
        ("name: w\ntimeout: 5 minutes\n" + TASKS, ("E0106", 2, 10)),
        ("name: w\ntasks:\n" + "".join(f"  t{n}: {{run: x}}\n" for n in range(5001)), ("E0202", 2, 1)),
        ("name: w\ninputs: {n: {type: integer, default: x}}\n" + TASKS, ("E0203", 2, 38)),
        ("name: w\ntriggers: {t: {cron: '61 * * * *'}}\n" + TASKS, ("E0210", 2, 23)),
        ("name: w\ntriggers: {t: {cron: '0 0 30 2 *'}}\n" + TASKS, ("E0211", 2, 22)),
        ("name: w\ntriggers: {t: {cron: '0 0 * * *', timezone: Europe/Berln}}\n" + TASKS, ("E0212", 2, 45)),
        ("name: w\ntasks:\n  a: {needs: []}\n", ("E0301", 3, 3)),
        ("name: w\ntasks:\n  a: {run: x, http: {url: 'http://x'}}\n", ("E0302", 3, 15)),
        ("name: w\ntasks:\n  a: {rnu: x}\n", ("E0303", 3, 7)),
        ("name: w\ntasks:\n- {id: a, run: x}\n- {id: a, run: y}\n", ("E0304", 4, 8)),
        ("name: w\ntasks:\n  a: {run: x}\n  b: {run: x, needs: [aa]}\n", ("E0312", 4, 23)),
        ("name: w\ntasks:\n  a: {run: x, needs: [b]}\n  b: {run: x, needs: [a]}\n", ("E0313", 4, 23)),
        ("name: w\ntasks:\n  my-task: {run: x}\n", ("E0320", 3, 3)),
        ("name: w\ntasks:\n  a: {run: 'echo ${{ run.id }}'}\n", ("E0332", 3, 18)),
        ("name: w\ntasks:\n  a: {run: x, artifacts: [o, /tmp/o]}\n", ("E0361", 3, 30)),
        ("name: w\ntasks:\n  a: {container: {image: busybox}}\n", ("W0333", 3, 26)),
        ("name: w\nenv: {K: AKIAIOSFODNN7EXAMPLE}\n" + TASKS, ("W0341", 2, 10)),
    ],
)
def test_one_fault_is_one_diagnostic_at_its_place(text: str | bytes, expected: tuple[str, int, int]) -> None:
    assert places(text) == [expected]


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "[" * 100_000 + "]" * 100_000, "{a: " * 100_000, LAUGHS])
def test_what_would_break_a_parser_is_one_diagnostic_within_a_second(text: str) -> None:
    begun = time.process_time()
    assert len(places(text)) == 1
    assert time.process_time() - begun < 1


def test_all_faults_of_a_file_in_one_pass() -> None:
    text = "name: w\ntimeout: never\nlabel: {}\ntasks:\n  a: {run: x, needs: [b]}\n  c: {rnu: x}\n"
    assert [code for code, _, _ in places(text)] == ["E0106", "E0101", "E0312", "E0303"]


def test_yaml_is_1_2() -> None:
    text = "name: w\ndescription: on\nlabels: {a: yes, b: 12:30, c: 2026-01-01}\n" + TASKS
    workflow = one(text)
    assert (workflow.description, workflow.labels) == ("on", {"a": "yes", "b": "12:30", "c": "2026-01-01"})


def test_documents_and_merge_keys() -> None:
    result = load_text(GOOD + "---\n" + GOOD.replace("name: w", "name: v"), "w.yaml")
    assert [item.workflow.name for item in result.workflows] == ["w", "v"]
    workflow = one("name: w\nenv: &e {A: b}\ntasks:\n  a: {run: x, env: {<<: *e, C: d}}\n")
    assert workflow.tasks["a"].env == {"A": "b", "C": "d"}


def test_two_workflows_of_one_name_are_a_fault() -> None:
    codes = [code for code, _, _ in places(GOOD + "---\n" + GOOD)]
    assert len(codes) == 1


def test_a_list_of_tasks_is_a_sequence() -> None:
    workflow = one("name: w\ntasks:\n- {id: a, run: x}\n- {id: b, wait: 1m}\n- {id: c, set: {x: 1}}\n")
    assert {task.id: task.needs for task in workflow.tasks.values()} == {"a": (), "b": ("a",), "c": ("b",)}
    assert workflow.tasks["b"].spec == {"seconds": 60.0}


def test_defaults_are_merged_and_a_task_wins() -> None:
    text = (
        "name: w\ndefaults: {timeout: 30m, pool: big, retry: {max_attempts: 3, delay: 2s}}\n"
        "tasks:\n  a: {run: x}\n  b: {run: x, timeout: 1m, retry: {max_attempts: 1}}\n"
    )
    first, second = one(text).tasks.values()
    assert (first.timeout_seconds, first.pool, first.retry.max_attempts, first.retry.delay_seconds) == (
        1800,
        "big",
        3,
        2,
    )
    assert (second.timeout_seconds, second.retry.max_attempts, second.retry.delay_seconds) == (60, 1, 0)


def test_the_digest_sees_meaning_and_not_layout() -> None:
    def digest(text: str) -> str:
        return load_text(text, "w.yaml").workflows[0].digest

    same = "# a comment\ntasks:\n    a:\n        run: x   # another\nname: 'w'\n"
    assert digest(GOOD) == digest(same)
    assert digest(GOOD) != digest(GOOD.replace("run: x", "run: y"))


def test_a_compiled_workflow_survives_its_encoding() -> None:
    text = (
        "name: w\ntriggers: {n: {cron: ['0 2 * * *'], timezone: Europe/Berlin, starts_at: 2026-01-01T00:00:00Z},"
        " e: {every: 15m, jitter: 2m}}\nconcurrency: {limit: 2, overlap: skip}\n"
        "tasks:\n  a: {container: {image: 'x:1', resources: {memory: 64Mi}}, run: x, shell: sh}\n"
    )
    workflow = one(text)
    assert decode(encode(workflow)) == workflow
    assert workflow.tasks["a"].spec["resources"] == {"memory_bytes": 64 * 2**20}


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    load_text(data, "w.yaml")


@given(st.integers(0, len(GOOD) - 1), st.text(max_size=4), st.integers(0, 5))
def test_no_mutation_of_a_good_file_raises_and_places_lie_inside(at: int, inserted: str, cut: int) -> None:
    text = GOOD[:at] + inserted + GOOD[at + cut :]
    lines = text.splitlines() or [""]
    for item in load_text(text, "w.yaml").diagnostics:
        assert 1 <= item.line <= len(lines) + 1
        assert item.column >= 1
        assert (item.end_line, item.end_column) >= (item.line, item.column)
