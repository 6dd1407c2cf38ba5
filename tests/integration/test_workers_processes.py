"""The process runner with real processes: what it hands over, how it ends, and that nothing survives."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.workers.doubles import Lines, attempt
from workers.config import WorkerConfig
from workers.processes import CLAIM_VARIABLE
from workers.runners.interface import Attempt, Result, RunnerError, StopToken
from workers.runners.process import ProcessRunner

LINUX = sys.platform == "linux"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[ProcessRunner]:
    made = ProcessRunner(WorkerConfig(worker_id="w", state_dir=tmp_path, allow_processes=True))
    yield made
    made.close()


def script(text: str, **more: Any) -> Attempt:
    shell = more.pop("shell", "bash")
    return attempt("run", {"script": text, "shell": shell}, **more)


def run_with_stop(
    runner: ProcessRunner, task: Attempt, ready: str, act: Callable[[StopToken], None]
) -> tuple[Result, Lines]:
    """Run the attempt and act once its output contains `ready`."""
    sink, stop, acted = Lines(), StopToken(), threading.Event()

    def look() -> None:
        if ready in sink.text() and not acted.is_set():
            acted.set()
            act(stop)

    sink.on_data = look
    return runner.run(task, sink, stop), sink


def pids(sink: Lines) -> list[int]:
    return [int(word) for word in sink.text().split() if word.isdigit()]


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_script_gets_its_environment_and_hands_on_typed_outputs(runner: ProcessRunner) -> None:
    sink = Lines()
    task = script(
        'echo "$GREETING from $PWD"; echo "$CHRONOVERSE_ATTEMPT"; echo oops >&2; '
        'echo "rows=0042" >> "$CHRONOVERSE_OUTPUT"',
        env={"GREETING": "hello"},
        outputs={"rows": "integer"},
    )
    result = runner.run(task, sink, StopToken())
    assert result == Result.succeeded({"rows": 42}, exit_code=0)
    assert sink.text().splitlines()[0].startswith("hello from ")
    assert sink.text().splitlines()[1] == "1"
    assert sink.text("stderr") == "oops\n"


def test_the_workers_own_environment_does_not_leak(runner: ProcessRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_WORKER", "x")
    sink = Lines()
    runner.run(script("env"), sink, StopToken())
    names = {line.partition("=")[0] for line in sink.text().splitlines()}
    assert "SECRET_OF_THE_WORKER" not in names
    assert {"PATH", "CHRONOVERSE_RUN_ID", "CHRONOVERSE_OUTPUT", CLAIM_VARIABLE} <= names


def test_the_directory_is_fresh_and_removed(runner: ProcessRunner, tmp_path: Path) -> None:
    sink = Lines()
    assert runner.run(script("ls -A; mkdir -p a/b; touch a/b/c; chmod 500 a/b"), sink, StopToken()).state == "succeeded"
    assert sink.text() == ""
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("shell", "text"),
    [
        ("bash", "set -o | grep -q 'pipefail.*on' && echo yes"),
        ("sh", "echo yes"),
        ("python", "print('yes')"),
        (["bash", "{script}", "yes"], 'echo "$1"'),
    ],
)
def test_shells(runner: ProcessRunner, shell: Any, text: str) -> None:
    sink = Lines()
    assert runner.run(script(text, shell=shell), sink, StopToken()).state == "succeeded"
    assert sink.text() == "yes\n"


def test_a_failing_command_ends_the_script(runner: ProcessRunner) -> None:
    sink = Lines()
    result = runner.run(script("false\necho never"), sink, StopToken())
    assert (result.state, result.reason, result.exit_code) == ("failed", "exit", 1)
    assert sink.text() == ""


def test_death_by_signal_is_told(runner: ProcessRunner) -> None:
    result = runner.run(script("kill -SEGV $$"), Lines(), StopToken())
    assert (result.reason, result.exit_code) == ("exit", 128 + signal.SIGSEGV)
    assert "signal 11" in result.message


def test_outputs_that_do_not_fit_fail_the_attempt(runner: ProcessRunner) -> None:
    task = script('echo "rows=many" >> "$CHRONOVERSE_OUTPUT"', outputs={"rows": "integer"})
    result = runner.run(task, Lines(), StopToken())
    assert (result.state, result.reason) == ("failed", "invalid_output")
    assert "'rows'" in result.message


def test_a_program_that_is_not_there_is_a_runner_error(runner: ProcessRunner) -> None:
    with pytest.raises(RunnerError, match="no-such-shell"):
        runner.run(script("x", shell=["no-such-shell", "{script}"]), Lines(), StopToken())


def test_a_program_that_cannot_be_executed_is_a_runner_error(runner: ProcessRunner) -> None:
    with pytest.raises(RunnerError, match="could not be started"):
        runner.run(script("x", shell=["/etc/hostname", "{script}"]), Lines(), StopToken())


def test_term_gives_the_script_its_grace(runner: ProcessRunner) -> None:
    text = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    result, sink = run_with_stop(runner, script(text), "ready", lambda stop: stop.request("cancelled_by_user"))
    assert (result.state, result.exit_code) == ("cancelled", 3)
    assert sink.text() == "ready\nbye\n"


def test_what_ignores_term_is_killed_after_its_grace(runner: ProcessRunner) -> None:
    text = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    task = script(text, grace_seconds=0.2)
    result, _ = run_with_stop(runner, task, "ready", lambda stop: stop.request("cancelled_by_user"))
    assert (result.state, result.exit_code) == ("cancelled", 137)


def test_force_kills_at_once(runner: ProcessRunner) -> None:
    text = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    task = script(text, grace_seconds=60.0)
    result, _ = run_with_stop(runner, task, "ready", lambda stop: stop.request("lost", force=True))
    assert (result.state, result.reason, result.exit_code) == ("failed", "lost", 137)


def test_the_timeout_ends_it(runner: ProcessRunner) -> None:
    import time

    task = script("echo ready; sleep 60", timeout_seconds=0.2, deadline=time.monotonic() + 0.2)
    result = runner.run(task, Lines(), StopToken())
    assert (result.state, result.reason) == ("failed", "timeout")


DAEMONS = {
    "background": "sleep 300 & echo $!",
    "own session": "setsid sleep 300 & echo $!",
    "disowned": "nohup sleep 300 >/dev/null 2>&1 & disown; echo $!",
    "double fork": "(setsid bash -c 'sleep 300 >/dev/null 2>&1 & echo $!' &) ; sleep 0.2",
    "cleared environment": "(env -i setsid /bin/bash -c '/bin/sleep 300 >/dev/null 2>&1 & echo $!' &) ; sleep 0.2",
    "holds the output open": "(trap '' TERM HUP; sleep 300) & echo $!",
}


@pytest.mark.skipif(not LINUX, reason="daemons escape where there is no child subreaper")
@pytest.mark.parametrize("name", DAEMONS)
def test_nothing_survives_its_attempt(runner: ProcessRunner, name: str) -> None:
    sink = Lines()
    result = runner.run(script(DAEMONS[name]), sink, StopToken())
    assert result.state == "succeeded"
    started = pids(sink)
    assert started
    assert not [pid for pid in started if alive(pid)]


@pytest.mark.skipif(not LINUX, reason="daemons escape where there is no child subreaper")
def test_a_neighbours_daemon_is_left_alone_until_its_own_attempt_ends(runner: ProcessRunner) -> None:
    daemon = "(setsid bash -c 'sleep 300 >/dev/null 2>&1 & echo $!' &); echo ready; read -t 60 < <(sleep 60) || true"

    def meanwhile(stop: StopToken) -> None:
        assert runner.run(script("true"), Lines(), StopToken()).state == "succeeded"
        assert alive(pids(seen)[0])
        stop.request("cancelled_by_user", force=True)

    seen, stop, acted = Lines(), StopToken(), threading.Event()

    def look() -> None:
        if pids(seen) and "ready" in seen.text() and not acted.is_set():
            acted.set()
            meanwhile(stop)

    seen.on_data = look
    runner.run(script(daemon), seen, stop)
    assert acted.is_set()
    assert not alive(pids(seen)[0])


def test_much_output_arrives_whole_and_in_order(runner: ProcessRunner) -> None:
    sink = Lines()
    runner.run(script("seq 1 200000"), sink, StopToken())
    assert sink.text() == "".join(f"{n}\n" for n in range(1, 200_001))


def test_a_full_sink_makes_the_process_wait_and_the_timeout_still_holds(runner: ProcessRunner) -> None:
    import time

    sink = Lines()
    sink.full = True
    task = script("seq 1 1000000", timeout_seconds=0.5, deadline=time.monotonic() + 0.5)
    result = runner.run(task, sink, StopToken())
    assert result.reason == "timeout"
    assert len(sink.text()) <= 2 * 64 * 1024, "only what was in the pipe"


def test_the_journal_learns_of_the_process_while_it_runs(runner: ProcessRunner) -> None:
    task = script("sleep 0.3; echo ready; sleep 60")
    run_with_stop(runner, task, "ready", lambda stop: stop.request("x", force=True))
    assert task.journal.pid > 0
    assert task.journal.started
    assert task.journal.boot_id or not LINUX


def test_a_spawner_that_dies_takes_its_processes_along_and_is_replaced(runner: ProcessRunner) -> None:
    spawner = runner._spawner._process
    assert spawner is not None
    sink, killed = Lines(), threading.Event()

    def kill() -> None:
        if pids(sink) and not killed.is_set():
            killed.set()
            os.kill(spawner.pid, signal.SIGKILL)

    sink.on_data = kill
    result = runner.run(script("echo $$; sleep 300"), sink, StopToken())
    assert (result.state, result.reason) == ("failed", "lost")
    if LINUX:
        psutil.wait_procs([psutil.Process(pid) for pid in pids(sink) if psutil.pid_exists(pid)], timeout=5)
        assert not [pid for pid in pids(sink) if alive(pid)]
    assert runner.run(script("true"), Lines(), StopToken()).state == "succeeded"


def test_one_line_carries_attempt_after_attempt(runner: ProcessRunner) -> None:
    for number in range(3):
        sink = Lines()
        runner.run(script(f"echo {number}"), sink, StopToken())
        assert sink.text() == f"{number}\n"
        assert len(runner._spawner._idle) == 1


def test_a_stop_that_comes_after_the_end_does_not_reach_the_next_attempt(runner: ProcessRunner) -> None:
    spawner = runner._spawner
    child = spawner.spawn(["true"], {"PATH": os.defpath}, f"{runner._work}/first", "")
    while child.exit_code is None:
        child.read(None)
    child.kill()  # the spawner has told of the end, the worker has not let go yet
    spawner.give_back(child)
    child.kill()
    assert runner.run(script("sleep 0.2; echo done"), Lines(), StopToken()).state == "succeeded"
    assert len(spawner._idle) == 1


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ('echo "a=1" > "$CHRONOVERSE_OUTPUT"; touch ../more', {"a": "1"}),
        ('echo "a=1" > "$CHRONOVERSE_OUTPUT"; touch left', {"a": "1"}),
        ('echo "a=1" > ../real; ln -s real "$CHRONOVERSE_OUTPUT"', {"a": "1"}),
        ('printf "a=%065536d" 0 > "$CHRONOVERSE_OUTPUT"', None),
        ("rm -r ../work ../script", {}),
    ],
)
def test_whatever_is_left_the_outputs_are_read_and_the_directory_goes(
    runner: ProcessRunner, tmp_path: Path, text: str, outputs: dict[str, str] | None
) -> None:
    result = runner.run(script(text), Lines(), StopToken())
    assert result == (Result.succeeded(outputs, 0) if outputs is not None else result)
    assert result.reason == (None if outputs is not None else "invalid_output")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_nul_character_is_refused_and_costs_no_line(runner: ProcessRunner) -> None:
    with pytest.raises(RunnerError, match="NUL"):
        runner.run(script("true", env={"A": "x\0y"}), Lines(), StopToken())
    assert runner.run(script("true"), Lines(), StopToken()).state == "succeeded"


def test_a_large_script_and_environment_arrive_whole(runner: ProcessRunner) -> None:
    sink = Lines()
    text = "x=(" + "abcdefghi " * 100_000 + ')\necho "${#x[@]} ${#LONG}"'
    assert runner.run(script(text, env={"LONG": "y" * 100_000}), sink, StopToken()).state == "succeeded"
    assert sink.text() == "100000 100000\n"


def test_what_is_written_last_comes_before_the_end(runner: ProcessRunner) -> None:
    sink = Lines()
    runner.run(script("head -c 60000 /dev/zero | tr '\\0' x; exit 0"), sink, StopToken())
    assert len(sink.text()) == 60_000


def test_a_line_that_is_let_go_kills_what_runs_on_it(runner: ProcessRunner) -> None:
    spawner = runner._spawner
    child = spawner.spawn(["sleep", "300"], {"PATH": os.defpath}, f"{runner._work}/gone", "")
    while child.pid is None:
        child.read(None)
    process = psutil.Process(child.pid)
    spawner.give_back(child)
    assert psutil.wait_procs([process], timeout=5)[1] == []
    assert runner.run(script("true"), Lines(), StopToken()).state == "succeeded"


WORKER = """
import sys, threading
from pathlib import Path
from tests.unit.workers.doubles import attempt
from workers.config import WorkerConfig
from workers.runners.interface import StopToken
from workers.runners.process import ProcessRunner

class Out:
    full = False
    def write(self, stream, data):
        sys.stdout.buffer.write(data); sys.stdout.buffer.flush()

runner = ProcessRunner(WorkerConfig(worker_id="w", state_dir=Path(sys.argv[1]), allow_processes=True))
runner.run(attempt("run", {"script": sys.argv[2], "shell": "bash"}), Out(), StopToken())
"""


@pytest.mark.skipif(not LINUX, reason="needs a child subreaper")
def test_kill_9_of_the_worker_leaves_no_child_alive(tmp_path: Path) -> None:
    text = "echo $$; (setsid bash -c 'sleep 300 & echo $!; wait' &); sleep 0.2; echo ready; sleep 300"
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path), text], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as worker:
        assert worker.stdout is not None
        lines = []
        while (line := worker.stdout.readline().strip()) != "ready":
            assert line, "the worker ended early"
            lines.append(int(line))
        processes = [psutil.Process(pid) for pid in lines]
        spawners = psutil.Process(worker.pid).children()
        assert len(processes) == 2
        assert len(spawners) == 1
        worker.kill()
        _, left = psutil.wait_procs([*processes, *spawners], timeout=10)
    assert left == []
