"""What is checked of fan-outs, hooks, sensors, caches, children, approvals and locks; each fault told once."""

import pytest

from dsl.loader import load_text

HEAD = "name: w\ninputs: {n: {type: integer, default: 1}}\n"


def found(body: str) -> list[tuple[str, int, int]]:
    return [(item.code, item.line, item.column) for item in load_text(f"{HEAD}{body}", "w.yaml").diagnostics]


def told(body: str) -> list[tuple[str, str, str]]:
    return [(item.code, item.message, item.hint) for item in load_text(f"{HEAD}{body}", "w.yaml").diagnostics]


POLL = "  a: {run: x, outputs: {up: boolean}, repeat: "
OUTPUT = "tasks:\n  a: {run: x, output: {r: string}}\n  b: {needs: [a], run: x, if: tasks.a.outputs.r == 'x'}\n"
FAN = "  a: {run: x, matrix: {s: [1, 2]}, outputs: {r: integer}}\n"
GOOD = """
tasks:
  list: {set: {files: "${{ [1, 2] }}"}}
  load:
    needs: [list]
    for_each: tasks.list.outputs.files
    run: x
    env: {N: "${{ item }}-${{ index }}"}
    outputs: {rows: integer}
  m: {matrix: {shard: [0, 1], include: [{shard: 0, extra: yes}]}, run: x, env: {S: "${{ matrix.shard + 1 }}"}}
  sum: {needs: [load], set: {all: "${{ tasks.load.outputs.rows.size() }}"}}
  poll: {run: x, outputs: {up: boolean}, repeat: {until: outputs.up, every: 5s, max_attempts: 3}}
  hit: {run: x, cache: {key: "${{ inputs.n }}"}}
  kid: {workflow: {name: other, inputs: {a: "${{ inputs.n }}"}}}
  ask: {approval: {message: "go ${{ inputs.n }}?", by: [ops], timeout: 1h}}
  told: {needs: [ask], run: x, env: {BY: "${{ tasks.ask.outputs.by }}"}}
on_failure:
  alarm: {run: x, env: {S: "${{ run.state }} ${{ run.failed_tasks }} ${{ tasks.m.state }}"}}
finally:
  - {id: one, run: x}
  - {id: two, run: x, if: tasks.one.state == 'succeeded'}
"""


def test_all_of_it_loads_clean() -> None:
    assert [code for code, *_ in found(GOOD)] == ["W0511"], "only the child is in another file"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("  a: {run: x, for_each: inputs.m}\n", ("E0402", 4, 32)),
        ("  a: {run: x, for_each: inputs.n}\n", ("E0409", 4, 25)),
        ("  a: {run: x, matrix: {s: [1]}, env: {S: '${{ matrix.t }}'}}\n", ("E0402", 4, 54)),
        ("  a: {run: x, matrix: {s: [1]}, env: {S: '${{ matrix.s + 1.5 }}'}}\n", ("E0405", 4, 56)),
        ("  a: {run: x, env: {S: '${{ matrix.t }}'}}\n", ("E0403", 4, 29)),
        ("  a: {run: x, env: {S: '${{ item }}'}}\n", ("E0403", 4, 29)),
        ("  a: {run: x, if: matrix.s == 1, matrix: {s: [1]}}\n", ("E0403", 4, 19)),
        ("  a: {run: x, env: {S: '${{ run.failed_tasks }}'}}\n", ("E0403", 4, 33)),
        ("  a: {run: x, env: {S: '${{ outputs.n }}'}}\n", ("E0403", 4, 29)),
        (POLL + "{until: outputs.op, every: 1s, max_attempts: 2}}\n", ("E0402", 4, 63)),
        (POLL.replace("boolean", "string") + "{until: outputs.up, every: 1s, max_attempts: 2}}\n", ("E0409", 4, 54)),
        ("  a: {run: x, cache: {key: '${{ secrets.K }}', ttl: 1d}}\n", ("E0403", 4, 33)),
        ("  a: {approval: {message: '${{ inputs.m }}'}}\n", ("E0402", 4, 39)),
        ("  a: {workflow: {name: o, inputs: {x: '${{ tasks.b.state }}'}}}\n", ("E0402", 4, 50)),
        (FAN + "  b: {needs: [a], run: x, if: tasks.a.outputs.r > 1}\n", ("E0405", 5, 49)),
        ("  a: {run: x}\non_success:\n  a: {run: x}\n", ("E0304", 6, 3)),
        ("  a: {run: x}\nfinally:\n  b: {run: x, needs: [a]}\n", ("E0312", 6, 23)),
        ("  a: {run: x}\nfinally:\n  b: {run: x, if: tasks.c.state == 'failed'}\n", ("E0402", 6, 25)),
        ("  a: {run: x, if: tasks.b.state == 'x'}\nfinally:\n  b: {run: x}\n", ("E0406", 4, 25)),
        ("  a: {approval: {message: m}, timeout: 1h}\n", ("E0356", 4, 31)),
        ("  a: {run: x, matrix: {my-shard: [1]}}\n", ("E0320", 4, 24)),
        ("  a: {run: x, matrix: {s: [1], include: [{s-t: 1}]}}\n", ("E0320", 4, 43)),
        ("  a: {run: x, matrix: {shard: [1], include: [{shart: 1}]}}\n", ("W0354", 4, 47)),
        ("  a: {run: x, for_each: '[1]', max_paralel: 2}\n", ("E0101", 4, 32)),
    ],
)
def test_one_fault_is_told_once_at_its_place(body: str, fault: tuple[str, int, int]) -> None:
    assert found(f"tasks:\n{body}") == [fault]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("triggers: {t: {webhook: {secret: K}, if: trigger.bodi.x == 1}}\n", ("E0402", 3, 50)),
        ("triggers: {t: {workflow: {name: o}, if: trigger.run.stat == 'x'}}\n", ("E0402", 3, 53)),
        ("triggers: {t: {workflow: {name: o}, if: trigger.body.x == 1}}\n", ("E0403", 3, 49)),
        ("triggers: {t: {webhook: {secret: K}, inputs: {n: '${{ trigger.run.id }}'}}}\n", ("E0403", 3, 63)),
        ("notify: [{on: [failed], webhook: {url: 'http://x/${{ inputs.m }}'}}]\n", ("E0402", 3, 61)),
        ("notify: [{on: [failed], webhook: {url: 'http://x/${{ item }}'}}]\n", ("E0403", 3, 54)),
        ("notify: [{on: [faild], email: {to: [a@b.c]}}]\n", ("E0104", 3, 16)),
    ],
)
def test_triggers_and_notifications(body: str, fault: tuple[str, int, int]) -> None:
    known = "secrets: [K]\n" if "secret: K" in body else ""
    places = found(f"{body}{known}tasks:\n  a: {{run: x}}\n")
    assert [item for item in places if item[0] != "W0521"] == [fault]


def test_hints_name_what_was_meant() -> None:
    ((_, message, hint),) = told("tasks:\n  a: {run: x, matrix: {shard: [1]}, env: {S: '${{ matrix.shart }}'}}\n")
    assert (message, hint) == ("'matrix' has no 'shart'", "did you mean 'shard'?")


def test_a_secret_of_one_task_is_not_anothers() -> None:
    body = (
        "tasks:\n  a: {run: x, secrets: [K], env: {K: '${{ secrets.K }}'}}\n"
        "  b: {run: x, env: {K: '${{ secrets.K }}'}}\n"
    )
    assert [(code, line) for code, line, _ in found(body) if code == "E0340"] == [("E0340", 5)]


def test_locks_come_before_slots() -> None:
    assert found("slots: {db: 1}\ntasks:\n  a: {run: x, locks: [wh]}\n") == [("E0358", 5, 23)]
    assert found("locks: [wh]\ntasks:\n  a: {run: x, slots: {db: 1}}\n") == []


def test_a_misshapen_matrix_makes_no_noise_about_its_names() -> None:
    body = "tasks:\n  a: {run: x, matrix: {s: 7}, env: {S: '${{ matrix.s }}'}}\n"
    assert [code for code, _, _ in found(body)] == ["E0103"]


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("tasks:\n  a: {run: x, matrx: {s: [1]}, env: {A: '${{ matrix.s }}'}}\n", "did you mean 'matrix'?"),
        ("tasks:\n  a: {run: x, foreach: '[1]', env: {A: '${{ item }} ${{ index }}'}}\n", "did you mean 'for_each'?"),
        (OUTPUT, "did you mean 'outputs'?"),
        ("secret: [K]\ntasks:\n  a: {run: x, env: {A: '${{ secrets.K }}'}}\n", "did you mean 'secrets'?"),
        ("taks:\n  a: {run: x}\nfinally:\n  b: {run: x, if: tasks.a.state == 'failed'}\n", "did you mean 'tasks'?"),
        ("tasks:\n  a: {run: x, cache: {ky: '${{ inputs.n }}'}}\n", "did you mean 'key'?"),
        ("tasks:\n  a: {approval: {mesage: hi}}\n", "did you mean 'message'?"),
        ("moved: {form: old}\ntasks:\n  a: {run: x}\n", "did you mean 'from'?"),
        ("tasks:\n  a: {run: x}\n  b: {needs: [a], run: x, if: tasks.a.stat == 'x'}\n", "did you mean 'state'?"),
        ("tasks:\n  a: {run: x, if: input.n > 1}\n", "did you mean 'inputs'?"),
        ("tasks:\n  a: {run: x, if: alway()}\n", "did you mean 'always'?"),
        ("tasks:\n  a: {run: x, matrix: {shard: [1], exclude: [{shart: 1}]}}\n", "did you mean 'shard'?"),
    ],
)
def test_one_slip_is_one_diagnostic_that_names_what_was_meant(body: str, hint: str) -> None:
    assert [said for _, _, said in told(body)] == [hint]
