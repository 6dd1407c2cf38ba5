"""The container runner on a real Docker engine: logs to the byte, stops, limits, and taking up again."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import pytest

from engine.broker.logs import Stream
from tests.unit.workers.doubles import Lines, attempt
from workers.config import WorkerConfig
from workers.runners.container import container_runner
from workers.runners.container.options import container_name
from workers.runners.container.runner import ContainerRunner
from workers.runners.interface import Attempt, Left, Result, RunnerError, StopToken


class Positions(Lines):
    """Remembers where the log stood after each line, and calls back."""

    def __init__(self) -> None:
        super().__init__()
        self.positions: list[str] = []
        self.on_line: Callable[[str], None] = lambda _: None

    def line(self, stream: Stream, text: str, at: datetime | None = None, position: str = "") -> None:
        super().line(stream, text, at, position)
        self.positions.append(position)
        self.on_line(text)

    def said(self, stream: Stream = "stdout") -> list[str]:
        return [text for name, text in self.lines if name == stream]


class Setup:
    def __init__(self, directory: Path, url: str, image: str) -> None:
        self.image = image
        self.config = WorkerConfig(
            worker_id=f"test-{directory.name}", state_dir=directory, docker_url=url, docker_network="none"
        )
        made = container_runner(self.config)
        assert isinstance(made, ContainerRunner)
        self.runner = made
        self.api = docker.APIClient(base_url=url)

    def attempt(self, script: str = "", **more: Any) -> Attempt:
        spec = {"image": self.image, "pull": "never", **more.pop("spec", {})}
        if script:
            spec |= {"script": script, "shell": "sh"}
        return attempt("container", spec, **more)

    def run(self, task: Attempt, sink: Lines | None = None, stop: StopToken | None = None) -> Result:
        result = self.runner.run(task, sink or Lines(), stop or StopToken())
        self.runner.kept(task)
        return result

    def begin(self, task: Attempt) -> None:
        """Do what a worker does that dies then."""
        self.runner._prepare(task, container_name(task), Lines(), StopToken())
        self.runner._start(task, container_name(task))

    def names(self) -> list[str]:
        label = f"io.chronoverse.worker={self.config.worker_id}"
        return [one["Names"][0] for one in self.api.containers(all=True, filters={"label": [label]})]


@pytest.fixture
def setup(tmp_path: Path, docker_url: str, docker_image: str) -> Iterator[Setup]:
    made = Setup(tmp_path, docker_url, docker_image)
    yield made
    left = made.names()
    made.runner.sweep(frozenset)
    made.runner.close()
    made.api.close()
    assert left == [], "a container was left behind"


def test_a_line_longer_than_the_engines_own_pieces_arrives_as_one(setup: Setup) -> None:
    sink = Positions()
    script = "head -c 40000 /dev/zero | tr '\\0' x; echo; echo next; printf 'no end'"
    assert setup.run(setup.attempt(script), sink).state == "succeeded"
    first, *others = sink.said()
    assert first.startswith("x" * 16384)
    assert "cut" in first
    assert others == ["next", "no end"]


def test_many_lines_arrive_whole_and_in_order(setup: Setup) -> None:
    sink = Positions()
    setup.run(setup.attempt("seq 1 5000; echo end >&2"), sink)
    assert sink.said() == [str(n) for n in range(1, 5001)]
    assert sink.said("stderr") == ["end"]


def test_what_ignores_term_is_killed_after_its_grace(setup: Setup) -> None:
    sink, stop = Positions(), StopToken()
    sink.on_line = lambda _: stop.request("cancelled_by_user")
    task = setup.attempt("trap '' TERM; echo ready; while :; do sleep 0.1; done", grace_seconds=0.3)
    result = setup.run(task, sink, stop)
    assert (result.state, result.exit_code) == ("cancelled", 137)


def test_term_reaches_the_script(setup: Setup) -> None:
    sink, stop = Positions(), StopToken()
    sink.on_line = lambda _: stop.request("cancelled_by_user")
    task = setup.attempt("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done", grace_seconds=30.0)
    result = setup.run(task, sink, stop)
    assert (result.state, result.exit_code) == ("cancelled", 3)
    assert sink.said() == ["ready", "bye"]


def test_force_kills_at_once(setup: Setup) -> None:
    sink, stop = Positions(), StopToken()
    sink.on_line = lambda _: stop.request("lost", force=True)
    task = setup.attempt("trap '' TERM; echo ready; while :; do sleep 0.1; done", grace_seconds=60.0)
    result = setup.run(task, sink, stop)
    assert (result.reason, result.exit_code) == ("lost", 137)


def test_the_timeout_ends_it(setup: Setup) -> None:
    task = setup.attempt("sleep 300", timeout_seconds=0.5, deadline=time.monotonic() + 0.5, grace_seconds=0.2)
    assert setup.run(task).reason == "timeout"


def test_a_read_only_container_hands_on_outputs_as_any_user(setup: Setup) -> None:
    spec = {"read_only": True, "user": "12345:12345", "tmpfs": ["/tmp"]}
    script = 'touch /x 2>/dev/null && exit 9; touch /tmp/y; echo "n=5" >> "$CHRONOVERSE_OUTPUT"'
    result = setup.run(setup.attempt(script, spec=spec, outputs={"n": "integer"}))
    assert (result.state, result.outputs) == ("succeeded", {"n": 5}), result.message


def test_undeclared_outputs_go_nowhere_and_harm_nothing(setup: Setup) -> None:
    result = setup.run(setup.attempt('echo "n=5" >> "$CHRONOVERSE_OUTPUT"'))
    assert (result.state, result.outputs) == ("succeeded", {})


@pytest.mark.parametrize(
    "script", ['echo n=many > "$CHRONOVERSE_OUTPUT"', 'rm "$CHRONOVERSE_OUTPUT"; mkdir "$CHRONOVERSE_OUTPUT"', "true"]
)
def test_outputs_that_do_not_fit_fail_the_attempt(setup: Setup, script: str) -> None:
    result = setup.run(setup.attempt(script, outputs={"n": "integer"}))
    assert (result.state, result.reason) == ("failed", "invalid_output")


def test_a_command_that_is_not_there_fails_the_attempt_and_leaves_nothing(setup: Setup) -> None:
    sink = Positions()
    result = setup.run(setup.attempt(spec={"command": ["no-such-command"]}), sink)
    assert (result.state, result.reason, result.exit_code) == ("failed", "exit", 127)
    assert "no-such-command" in " ".join(sink.said("stderr"))
    assert setup.names() == []


@pytest.mark.parametrize("network", ["host", "container:other"])
def test_another_ones_network_is_refused(setup: Setup, network: str) -> None:
    with pytest.raises(RunnerError, match="network"):
        setup.run(setup.attempt("true", spec={"network": network}))


def test_creating_is_idempotent_by_name(setup: Setup) -> None:
    task = setup.attempt()
    options = {"command": ["echo", "first"], "labels": {"io.chronoverse.worker": setup.config.worker_id}}
    setup.runner._engine.create(setup.image, container_name(task), options, {"network_mode": "none"})
    sink = Positions()
    assert setup.run(task, sink).state == "succeeded"
    assert sink.said() == ["first"], "the container that was there is the attempt's"


def again(task: Attempt, position: str = "") -> Attempt:
    """Return the attempt as a restarted worker sees it."""
    fields = {name: getattr(task, name) for name in task.__slots__}
    return Attempt(**{**fields, "resumed": True, "log_position": position})


def test_a_restarted_worker_goes_on_where_the_log_stood(setup: Setup) -> None:
    script = 'for i in 1 2 3 4; do echo $i; sleep 0.3; done; echo n=9 >> "$CHRONOVERSE_OUTPUT"'
    task = setup.attempt(script, outputs={"n": "integer"})
    left = Left(attempt=task.name, claim_id=task.claim_id, kind="container", container=container_name(task))
    setup.begin(task)
    assert setup.runner.reattach(left)

    first = Positions()
    result = setup.runner.run(again(task), first, StopToken())
    assert (result.state, result.outputs, first.said()) == ("succeeded", {"n": 9}, ["1", "2", "3", "4"])

    second = Positions()
    assert setup.run(again(task, first.positions[1]), second).outputs == {"n": 9}
    assert second.said() == ["3", "4"]
    assert not setup.runner.reattach(left)


def test_a_sweep_removes_what_is_not_held(setup: Setup) -> None:
    tasks = [setup.attempt("sleep 300") for _ in range(2)]
    for task in tasks:
        setup.begin(task)
    setup.runner.sweep(lambda: frozenset({tasks[0].claim_id}))
    assert setup.names() == ["/" + container_name(tasks[0])]
    setup.runner.kept(tasks[0])


def test_preparing_an_image_that_is_here_pulls_nothing_and_one_that_is_nowhere_says_so(setup: Setup) -> None:
    setup.runner.prepare(setup.image)
    with pytest.raises(RunnerError, match="could not be pulled"):
        setup.runner.prepare("127.0.0.1:1/nowhere:1")


def test_without_an_engine_the_kind_is_not_offered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = WorkerConfig(worker_id="w", state_dir=tmp_path, docker_url=f"unix://{tmp_path}/none.sock")
    assert container_runner(config) is None
    assert "containers are not offered" in caplog.text
