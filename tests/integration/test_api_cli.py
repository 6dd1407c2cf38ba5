"""The command line against a real server, a real engine and real processes."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from api.dependencies import Dependencies
from api.server import ApiServer
from cli.main import cli
from engine.store.tables import runs
from tests.contract.sync.world import MemorySource, World
from tests.stack import Stack

HELLO = """
name: hello
labels: {team: data}
inputs: {who: {type: string, default: world}}
tasks:
  greet:
    run: |
      echo "hello $WHO"
      echo "said=$WHO" >> "$CHRONOVERSE_OUTPUT"
    env: {WHO: "${{ inputs.who }}"}
    outputs: {said: string}
  check:
    needs: [greet]
    run: test "$SAID" != nobody
    env: {SAID: "${{ tasks.greet.outputs.said }}"}
"""
LONG = "name: long\ntasks:\n  sleep: {run: 'echo started; sleep 60'}\n"

Invoke = Callable[..., Result]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as stack:
        world = World(stack.database)
        world.source = MemorySource(name="folder")
        world.sync(hello=HELLO, long=LONG)
        yield stack


@pytest.fixture
def server(stack: Stack) -> Iterator[ApiServer]:
    dependencies = Dependencies(database=stack.database, broker=stack.broker, sync_now=lambda name: name == "folder")
    server = ApiServer(dependencies, host="127.0.0.1", port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def invoke(server: ApiServer) -> Invoke:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, env={"CHRONOVERSE_API_URL": server.url})

    return invoke


def test_a_run_is_triggered_waited_for_and_shown(invoke: Invoke) -> None:
    done = invoke("trigger", "hello", "--input", "who=you", "--wait", "--json")
    assert done.exit_code == 0, done.output
    run = json.loads(done.stdout)
    assert (run["state"], run["inputs"]) == ("succeeded", {"who": "you"})

    listed = json.loads(invoke("runs", "--workflow", "hello", "--state", "succeeded", "--json").stdout)
    assert [item["id"] for item in listed["items"]] == [run["id"]]
    table = invoke("runs")
    assert run["id"] in table.stdout
    shown = invoke("runs", "show", run["id"])
    assert "default/hello" in shown.stdout
    assert "greet" in shown.stdout


def test_a_run_that_fails_makes_wait_fail_and_can_be_retried_and_rerun(invoke: Invoke) -> None:
    failed = invoke("trigger", "hello", "--input", "who=nobody", "--wait", "--json")
    assert failed.exit_code == 1
    run_id = json.loads(failed.stdout)["id"]

    again = json.loads(invoke("retry", run_id, "--wait", "--json").stdout)
    assert again["retry_of"] == run_id
    assert [task["reason"] for task in again["tasks"]] == ["reused", "exit"]
    rerun = json.loads(invoke("rerun", run_id, "--wait", "--json").stdout)
    assert (rerun["retry_of"], rerun["inputs"]) == (None, {"who": "nobody"})
    refused = invoke("retry", json.loads(invoke("trigger", "hello", "--wait", "--json").stdout)["id"])
    assert refused.exit_code == 1
    assert "rerun it" in refused.stderr


def test_a_run_is_done_again_from_a_task_and_with_other_inputs(invoke: Invoke) -> None:
    run_id = json.loads(invoke("trigger", "hello", "--wait", "--json").stdout)["id"]
    again = json.loads(invoke("retry", run_id, "--from", "check", "--wait", "--json").stdout)
    assert [task["reason"] for task in again["tasks"]] == ["reused", None]
    again = json.loads(invoke("rerun", run_id, "--revision", "1", "--from", "check", "--wait", "--json").stdout)
    assert [task["reason"] for task in again["tasks"]] == ["reused", None]
    again = json.loads(invoke("rerun", run_id, "--revision", "original", "-i", "who=you", "--wait", "--json").stdout)
    assert (again["inputs"], again["state"]) == ({"who": "you"}, "succeeded")
    assert invoke("rerun", run_id, "--revision", "0").exit_code == 2
    missing = invoke("retry", run_id, "--from", "chek")
    assert (missing.exit_code, "did you mean 'check'?" in missing.stderr) == (1, True)
    keys = ("rerun", run_id, "--idempotency-key", "k")
    assert invoke(*keys).stdout == invoke(*keys).stdout


def test_a_run_is_resumed_with_reasons(invoke: Invoke) -> None:
    run_id = json.loads(invoke("trigger", "hello", "-i", "who=nobody", "--wait", "--json").stdout)["id"]
    table = invoke("resume", run_id, "--dry-run").stdout
    assert "greet  reused" in table
    assert "it failed" in table
    said = json.loads(invoke("resume", run_id, "-i", "who=you", "--dry-run", "--json").stdout)
    assert said["run"] is None
    assert [task["why"] for task in said["tasks"]] == ["inputs_changed", "not_succeeded"]
    done = invoke("resume", run_id, "-i", "who=you", "--wait")
    assert done.exit_code == 0, done.output
    assert "what it uses has changed: inputs.who" in done.stdout
    assert json.loads(invoke("runs", "-s", "succeeded", "--json").stdout)["items"][0]["retry_of"] == run_id


def test_options_of_runs_are_refused_for_workflows(invoke: Invoke) -> None:
    refused = invoke("resume", "hello", "--dry-run")
    assert (refused.exit_code, "--dry-run is for runs" in refused.stderr) == (2, True)


def test_a_log_is_printed_whole_by_task_by_tail_and_followed(invoke: Invoke) -> None:
    run_id = json.loads(invoke("trigger", "hello", "--wait", "--json").stdout)["id"]
    assert "greet hello world" in invoke("logs", run_id).stdout
    lines = [json.loads(line) for line in invoke("logs", run_id, "--task", "greet", "--json").stdout.splitlines()]
    assert [line["text"] for line in lines] == ["hello world"]
    assert invoke("logs", run_id, "--task", "check").stdout == ""
    assert len(invoke("logs", run_id, "--tail", "1").stdout.splitlines()) == 1
    assert "hello world" in invoke("logs", run_id, "--follow").stdout


def test_a_running_run_is_explained_followed_and_cancelled(invoke: Invoke, server: ApiServer) -> None:
    run_id = invoke("trigger", "long").stdout.strip()
    command = [sys.executable, "-c", "from cli.main import main; main()", "logs", run_id, "-f"]
    environment = {**os.environ, "CHRONOVERSE_API_URL": server.url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline().endswith("sleep started\n")
        check_and_cancel(invoke, run_id)
        assert follower.wait(30) == 0


def check_and_cancel(invoke: Invoke, run_id: str) -> None:
    explained = json.loads(invoke("explain", run_id, "--json").stdout)
    assert explained["checks"]
    cancelled = invoke("cancel", run_id, "--force", "--wait")
    assert cancelled.stdout.strip() == f"{run_id} cancelled"
    assert invoke("cancel", run_id).exit_code == 1


def test_workflows_are_listed_explained_paused_and_resumed(invoke: Invoke) -> None:
    found = json.loads(invoke("workflows", "--json").stdout)
    assert [item["name"] for item in found] == ["hello", "long"]
    assert "default/hello" in invoke("workflows", "--label", "team=data").stdout
    assert invoke("pause", "hello", "--reason", "holidays").exit_code == 0
    explained = invoke("explain", "hello")
    assert "no  paused: paused by" in explained.stdout
    assert json.loads(invoke("workflows", "--paused", "--json").stdout)[0]["pause"]["reason"] == "holidays"
    assert "is not paused" in invoke("resume", "default/hello").stdout


def test_sources_and_workers_are_shown(invoke: Invoke) -> None:
    assert "folder" in invoke("source", "status").stdout
    assert json.loads(invoke("source", "status", "folder", "--json").stdout)[0]["diagnostics"] == []
    assert invoke("source", "sync", "folder").exit_code == 0
    missing = invoke("source", "sync", "nothing")
    assert (missing.exit_code, "nothing" in missing.stderr) == (1, True)
    assert [item["state"] for item in json.loads(invoke("workers", "--json").stdout)] == ["live"]


def test_doctor_finds_nothing_in_a_sound_database_and_what_is_broken(invoke: Invoke, stack: Stack) -> None:
    run_id = json.loads(invoke("trigger", "hello", "--wait", "--json").stdout)["id"]
    url = stack.database.engine.url.render_as_string(hide_password=False)
    sound = invoke("doctor", "--database-url", url, "--json")
    assert sound.exit_code == 0, sound.output
    assert all(rule["ok"] for rule in json.loads(sound.stdout))
    with stack.database.write() as connection:
        connection.execute(update(runs).where(runs.c.id == run_id).values(finished_at=None))
    broken = invoke("doctor", "--database-url", url)
    assert broken.exit_code == 1
    assert run_id in broken.stdout


def test_doctor_says_where_it_looked_for_a_database(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("doctor", "--database-url", f"sqlite:///{tmp_path / 'nothing.db'}")
    assert result.exit_code == 1
    assert "nothing.db" in result.stderr


def test_the_page_on_changes_by_hand_is_as_written(stack: Stack, invoke: Invoke) -> None:
    page = (Path(__file__).parents[2] / "docs" / "drift.md").read_text(encoding="utf-8")
    world, task = World(stack.database), "name: report\ntasks: {a: {run: echo %s}}\n"
    world.source = MemorySource(name="flows")
    world.sync(report=task % "one", other="name: other\ntasks: {a: {run: echo x}}\n")
    world.sync(report=task % "two")
    said: dict[str, str] = {}
    for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("chronoverse restore") and "--undo" not in line:
                del world.source.files["report.yaml"]
                world.sync()
            done = invoke(*shlex.split(line)[1:])
            assert done.exit_code == 0, f"{line}: {done.output}"
            said[line] = done.stdout
    assert "revision 2 sends empty mails" in said["chronoverse drift"]
    assert said["chronoverse unpin report"] == "default/report is at revision 2\n"
    assert said["chronoverse restore report --undo"] == "default/report is archived\n"


def test_an_end_that_cannot_be_is_refused(invoke: Invoke) -> None:
    for options, remedy in (
        (("--for", "soon"), "write it as 90s"),
        (("--until", "tomorrow"), "write it as 2026-01-31T12:00:00Z"),
        (("--until", "2026-01-31T12:00:00"), "for UTC"),
        (("--for", "1h", "--until", "2099-01-01T00:00:00Z"), "give one of them"),
        (("--until", "2020-01-01T00:00:00Z"), "is past"),
    ):
        done = invoke("pause", "hello", *options)
        assert done.exit_code != 0
        assert remedy in done.output
