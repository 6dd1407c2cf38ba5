"""Workflow tests: what passes, what is told of what does not, and what no test reached."""

from pathlib import Path

import pytest

from dsl.testfile import test_files as find_test_files
from engine.rehearsal import Report, Suite

WORKFLOW = """
name: w
inputs: {n: {type: integer, default: 2}}
concurrency: {limit: 1}
timeout: 3d
tasks:
  list: {set: {files: "${{ ['a', 'b'] }}"}}
  load:
    needs: [list]
    for_each: tasks.list.outputs.files
    run: load
    env: {F: "${{ item }}"}
    outputs: {rows: integer}
    retry: {max_attempts: 3, delay: 1d}
    timeout: 1h
  ask: {needs: [load], approval: {message: "ok?", timeout: 2h}}
  kid: {needs: [ask], workflow: {name: other, inputs: {rows: "${{ tasks.load.outputs.rows }}"}}}
  poll: {run: poll, outputs: {up: boolean}, repeat: {until: outputs.up, every: 30s, max_attempts: 5}}
  hit: {run: hit, outputs: {v: integer}, cache: {key: "${{ inputs.n }}"}, locks: [wh]}
  never: {run: never, if: inputs.n > 5}
on_failure:
  alarm: {run: alarm, env: {WHO: "${{ run.failed_tasks }}"}}
finally:
  tidy: {run: tidy}
outputs: {rows: "${{ tasks.load.outputs.rows }}"}
"""


ALL = """
defaults:
  mocks:
    load: {outputs: {rows: 1}, duration: 10s}
    "load[1]": [{exit_code: 3}, {state: lost}, {outputs: {rows: 5}}]
    ask: {approved: true, by: ada, duration: 1h}
    kid: {outputs: {done: true}, duration: 1m}
    poll: [{outputs: {up: false}}, {outputs: {up: true}}]
    hit: {cached: true, outputs: {v: 9}}
"""


def played(folder: Path, tests: str, workflow: str = WORKFLOW, **options: object) -> Report:
    (folder / "w.yaml").write_text(workflow)
    (folder / "w.test.yaml").write_text(tests)
    suite = Suite(**options)  # type: ignore[arg-type]
    for _ in suite.play(find_test_files([folder])):
        pass
    return suite.report


def told(report: Report) -> list[tuple[int, str, str]]:
    return [(told.line, told.place, told.message) for case in report.cases for told in case.told]


def test_a_schedule_of_days_is_played_in_no_time(tmp_path: Path) -> None:
    report = played(
        tmp_path,
        ALL
        + """
tests:
  all:
    expect:
      state: succeeded
      outputs: {rows: [1, 5]}
      tasks:
        load: {items: 2}
        "load[0]": {state: succeeded, attempts: 1, env: {F: a}}
        "load[1]": {state: succeeded, attempts: 3, env: {F: b, CHRONOVERSE_ATTEMPT: "3"}}
        ask: {outputs: {by: ada}}
        kid: {inputs: {rows: [1, 5]}, outputs: {done: true}}
        poll: {attempts: 2, started: 0s}
        hit: {attempts: 0, reason: cached, outputs: {v: 9}}
        never: skipped
        alarm: pending
      order: [load, ask, kid, tidy]
      ran: [list, load, ask, kid, poll, hit, tidy]
      took: 2d1h1m7s
""",
    )
    assert told(report) == []
    assert report.passed


@pytest.mark.parametrize(
    ("expect", "wanted"),
    [
        ("state: failed", (12, "state", "expected failed, was succeeded")),
        ("outputs: {rows: [1]}", (12, "outputs.rows", "expected [1], was [1, 5]")),
        ("tasks: {ask: {outputs: {x: 1}}}", (12, "tasks.ask.outputs.x", "expected 1, is not there")),
        ("tasks: {never: succeeded}", (12, "tasks.never.state", "expected succeeded, was skipped (condition: ")),
        ("tasks: {'load[0]': {attempts: 2}}", (12, "tasks.load[0].attempts", "expected 2, was 1")),
        ("tasks: {'load[0]': {env: {F: b}}}", (12, "tasks.load[0].env.F", "expected b, was a")),
        (
            "tasks: {'load[9]': failed}",
            (12, "tasks.load[9]", "the run has no task run of this name; did you mean 'load"),
        ),
        ("order: [tidy, ask]", (12, "order.1", "'ask' did not start there; started: ")),
        ("ran: [list]", (12, "ran", "'ask' ran too")),
        ("took: 1h", (12, "took", "expected 1h, took 2d1h1m7s")),
        ("took: {max: 1d}", (12, "took", "expected any time to 1d, took 2d1h1m7s")),
    ],
)
def test_what_is_not_so_is_told_with_its_line(tmp_path: Path, expect: str, wanted: tuple[int, str, str]) -> None:
    report = played(tmp_path, f"{ALL}\ntests:\n  one: {{expect: {{{expect}}}}}\n")
    line, place, message = told(report)[0]
    assert (line, place) == wanted[:2]
    assert message.startswith(wanted[2])
    assert not report.passed


def test_a_failure_runs_its_hooks(tmp_path: Path) -> None:
    report = played(
        tmp_path,
        ALL
        + """
tests:
  rejected:
    mocks: {ask: {approved: false, by: bob, comment: no}}
    expect:
      state: failed
      message: "task 'ask' failed: rejected by bob: no"
      tasks: {kid: skipped, alarm: {env: {WHO: '["ask"]'}}, tidy: succeeded}
  cancelled:
    cancel_after: 5s
    expect: {state: cancelled, tasks: {load: cancelled, tidy: succeeded}, took: 5s}
  too-slow:
    mocks: {load: {duration: 2h, outputs: {rows: 1}}, "load[1]": {outputs: {rows: 1}}}
    expect: {state: failed, tasks: {"load[0]": {state: failed, attempts: 3, reason: timeout}}}
  child-fails:
    mocks: {kid: {state: failed, message: broken}}
    expect: {state: failed, message: broken}
  asks-for-ever:
    mocks: {ask: {by: nobody}}
    expect: {state: failed, tasks: {ask: {reason: timeout}}}
""",
    )
    assert told(report) == []


@pytest.mark.parametrize(
    ("case", "column", "code", "message", "hint"),
    [
        ("mocks: {laod: {}}", 13, "E0601", "workflow 'w' has no task 'laod'", "did you mean 'load'?"),
        ("mocks: {'laod[1]': {}}", 13, "E0601", "workflow 'w' has no task 'laod'", "did you mean 'load'?"),
        (
            "mocks: {load: {outputs: {rosw: 1}}}",
            30,
            "E0602",
            "task 'load' has no output 'rosw'",
            "did you mean 'rows'?",
        ),
        ("mocks: {load: [{}, {outputs: {x: 1}}]}", 35, "E0602", "task 'load' has no output 'x'", "there are: rows"),
        ("mocks: {kid: {outputs: {x: 1}}}", 0, "", "", ""),
        (
            "expect: {tasks: {kid: {inputs: {rwos: 1}}}}",
            37,
            "E0602",
            "task 'kid' has no input 'rwos'",
            "did you mean 'rows'?",
        ),
        ("expect: {tasks: {hit: {inputs: {x: 1}}}}", 37, "E0602", "task 'hit' has no input 'x'", ""),
        ("inputs: {m: 1}", 14, "E0602", "workflow 'w' has no input 'm'", "there are: n"),
        ("trigger: {name: nightly}", 21, "E0603", "workflow 'w' has no trigger 'nightly'", ""),
        ("expect: {tasks: {tiddy: failed}}", 22, "E0601", "workflow 'w' has no task 'tiddy'", "did you mean 'tidy'?"),
        ("expect: {ran: [list, hti]}", 26, "E0601", "workflow 'w' has no task 'hti'", "did you mean 'hit'?"),
        ("expect: {order: [alram]}", 22, "E0601", "workflow 'w' has no task 'alram'", "did you mean 'alarm'?"),
        ("expect: {outputs: {row: 1}}", 24, "E0602", "workflow 'w' has no output 'row'", "did you mean 'rows'?"),
        ("expect: {inputs: {nn: 1}}", 23, "E0602", "workflow 'w' has no input 'nn'", "did you mean 'n'?"),
    ],
)
def test_names_that_the_workflow_has_not_are_diagnostics(
    tmp_path: Path, case: str, column: int, code: str, message: str, hint: str
) -> None:
    expect = "" if "expect" in case else "\n    expect: {state: failed}"
    report = played(tmp_path, f"tests:\n  one:\n    {case}{expect}\n")
    wanted = [(code, 3, column, message, hint)] if code else []
    faults = [item for item in report.faults if item.file.endswith(".test.yaml")]
    assert [(item.code, item.line, item.column, item.message, item.hint) for item in faults] == wanted
    assert bool(report.cases) is not bool(wanted)


def test_inputs_that_are_to_be_refused_may_have_any_name(tmp_path: Path) -> None:
    expect = "{state: failed, reason: invalid_inputs}"
    report = played(tmp_path, f"tests:\n  one: {{inputs: {{m: 1}}, expect: {expect}}}\n")
    assert report.passed


NOTIFYING = """
name: w
max_consecutive_failures: 3
tasks: {a: {run: a}}
notify:
  - {on: [failed, recovered, paused], webhook: {url: "https://chat.example.org"}}
  - {on: [failed], email: {to: [a@example.org, b@example.org]}}
"""


def test_which_notices_are_sent_can_be_tested(tmp_path: Path) -> None:
    tests = """
tests:
  first-failure:
    mocks: {a: {exit_code: 1}}
    expect:
      notifications:
        - {event: failed, channel: webhook}
        - {event: failed, channel: email, to: [a@example.org, b@example.org]}
  third-failure:
    earlier: [failed, failed, succeeded]
    mocks: {a: {exit_code: 1}}
    expect: {notifications: [{event: failed}, {event: paused, channel: webhook}, {event: failed, channel: email}]}
  recovers:
    earlier: [failed]
    expect: {notifications: [{event: recovered}]}
  silent:
    expect: {notifications: []}
"""
    assert told(played(tmp_path, tests, NOTIFYING)) == []


@pytest.mark.parametrize(
    ("notices", "place", "message"),
    [
        ("[]", "notifications", "expected 0 notices; sent were: failed by webhook, failed by email"),
        ("[{event: failed}]", "notifications", "expected 1 notices; sent were: failed by webhook, failed by email"),
        ("[{event: failed, channel: email}]", "notifications.0", "expected failed by email; sent were: failed by"),
        ("[{event: paused}]", "notifications.0", "expected paused; sent were: failed by webhook"),
        ("[{event: failed}, {event: failed, to: [x@y.z]}]", "notifications.1", "expected failed to x@y.z; sent were: "),
    ],
)
def test_other_notices_are_told(tmp_path: Path, notices: str, place: str, message: str) -> None:
    one = f"tests: {{one: {{mocks: {{a: {{exit_code: 1}}}}, expect: {{notifications: {notices}}}}}}}\n"
    ((_, where, what),) = told(played(tmp_path, one, NOTIFYING))
    assert where == place
    assert what.startswith(message)


def test_a_lost_attempt_costs_the_lease_of_its_worker(tmp_path: Path) -> None:
    lost = """
tests:
  lost:
    mocks: {a: [{state: lost, duration: 3s}, {}]}
    expect: {state: succeeded, tasks: {a: {attempts: 2}}, took: 10s}
"""
    workflow = "name: w\ntasks: {a: {run: a, retry: {max_attempts: 2, delay: 0s, on: [lost]}}}\n"
    assert told(played(tmp_path, lost, workflow)) == []


def test_a_child_that_is_cancelled_can_be_played(tmp_path: Path) -> None:
    tests = """
tests:
  by-somebody:
    mocks: {kid: {state: cancelled, message: stopped by ada, duration: 5s}}
    expect:
      state: failed
      message: stopped by ada
      tasks: {kid: {state: failed, reason: child_failed}, a: skipped}
      took: 5s
  with-its-parent:
    cancel_after: 3s
    mocks: {kid: {duration: 1h}}
    expect: {state: cancelled, tasks: {kid: cancelled, a: cancelled}, took: 3s}
"""
    workflow = "name: w\ntasks: {kid: {workflow: {name: other}}, a: {needs: [kid], run: a}}\n"
    assert told(played(tmp_path, tests, workflow)) == []


def test_what_a_test_must_say_and_does_not(tmp_path: Path) -> None:
    report = played(tmp_path, "tests:\n  one: {expect: {state: succeeded}}\n")
    ((line, place, message),) = told(report)
    assert (line, place) == (2, "")
    assert "hint: mocks: {poll: {outputs: {up: …}}}" in message or "hint: mocks: {load" in message


def test_a_mock_of_no_item_is_told(tmp_path: Path) -> None:
    tests = f"{ALL}\ntests:\n  one:\n    mocks: {{'load[7]': {{exit_code: 1}}}}\n    expect: {{ran: [list]}}\n"
    (found,) = told(played(tmp_path, tests))
    assert found == (13, "mocks.load[7]", "the fan-out has no such item; did you mean 'load[1]'?")


def test_true_is_not_one(tmp_path: Path) -> None:
    workflow = "name: w\ntasks: {a: {set: {ok: true, n: 1}}}\n"
    tests = "tests:\n  one: {expect: {tasks: {a: {outputs: {ok: 1, n: 1.0}}}}}\n"
    assert [(place, message) for _, place, message in told(played(tmp_path, tests, workflow))] == [
        ("tasks.a.outputs.ok", "expected 1, was True")
    ]


def test_an_approval_without_an_answer_or_a_timeout_is_told(tmp_path: Path) -> None:
    workflow = "name: w\ntasks: {ask: {approval: {message: m}}}\n"
    ((_, _, message),) = told(played(tmp_path, "tests:\n  one: {expect: {state: succeeded}}\n", workflow))
    assert message.startswith("task 'ask' waits for a person for ever")


def test_inputs_that_do_not_fit_fail_the_run(tmp_path: Path) -> None:
    report = played(tmp_path, "tests:\n  one: {inputs: {n: x}, expect: {state: failed, reason: invalid_inputs}}\n")
    assert told(report) == []


def test_coverage_says_what_no_test_reached(tmp_path: Path) -> None:
    report = played(tmp_path, f"{ALL}\ntests:\n  one: {{expect: {{state: succeeded}}}}\n")
    (coverage,) = report.coverage.values()
    assert "task 'alarm' runs" in coverage.missed
    assert "task 'never' runs" in coverage.missed
    assert "task 'load' is tried again" not in coverage.missed
    assert 0 < report.share < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workflow: other.yaml\ntests: {a: {expect: {state: failed}}}\n", "there is no file"),
        ("name: x\ntests: {a: {expect: {state: failed}}}\n", "holds these workflows: w"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    report = played(tmp_path, text)
    assert said in report.unusable[0]
    assert not report.passed


def test_faults_of_a_test_file_are_diagnostics_with_their_place(tmp_path: Path) -> None:
    report = played(tmp_path, "tests:\n  a: {expect: {stat: failed}}\n")
    assert [(item.code, item.line, item.column, item.hint) for item in report.faults] == [
        ("E0101", 2, 16, "did you mean 'state'?")
    ]


def test_only_what_is_asked_for_is_played_and_fail_fast_stops(tmp_path: Path) -> None:
    tests = f"{ALL}\ntests:\n" + "".join(f"  t{n}: {{expect: {{state: failed}}}}\n" for n in range(3))
    assert [case.name for case in played(tmp_path, tests, pattern="t1").cases] == ["t1"]
    assert [case.name for case in played(tmp_path, tests, fail_fast=True).cases] == ["t0"]
