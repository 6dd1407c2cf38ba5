"""The commands of backfills against a real server and a real engine; every example of docs/backfill.md as written."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.dependencies import Dependencies
from api.server import ApiServer
from cli import backfills as commands
from cli.main import cli
from engine.backfilling import PARALLEL_MAX, BackfillState, Policy
from engine.services.backfiller import Backfiller
from tests.contract.sync.world import MemorySource, World
from tests.e2e.processes import until
from tests.stack import Stack

PAGE = Path("docs/backfill.md").read_text(encoding="utf-8")
FAILS = """
name: fails
triggers: {nightly: {cron: "0 2 * * *"}}
tasks: {fail: {run: exit 1}}
"""
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


class Terminal:
    """Commands against one server, and the loop of a scheduler that is led by hand."""

    def __init__(self, stack: Stack, url: str) -> None:
        self._url = url
        self._loop = Backfiller(stack.database, stack.broker, clock=lambda: NOW)

    def run(self, line: str, **variables: str) -> Result:
        for name, value in variables.items():
            line = line.replace(f"${name}", value)
        words = shlex.split(line)
        assert words[0] == "chronoverse"
        return CliRunner().invoke(cli, words[1:], env={"CHRONOVERSE_API_URL": self._url})

    def json(self, line: str) -> dict:
        done = self.run(f"{line} --json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def carry_on(self) -> None:
        while self._loop.carry_on() == 0.0:
            pass

    @contextmanager
    def carried_on(self) -> Iterator[None]:
        """Let the loop run by itself meanwhile."""
        self._loop.start()
        yield
        self._loop.stop()

    def finished(self, backfill_id: str) -> bool:
        self.carry_on()
        return self.json(f"chronoverse backfills show {backfill_id}")["state"] == "finished"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with Stack(tmp_path) as stack:
        world = World(stack.database)
        world.clock.now = NOW
        world.source = MemorySource(name="folder")
        world.sync(report=blocks("yaml")[0], fails=FAILS)
        dependencies = Dependencies(database=stack.database, broker=stack.broker, clock=lambda: NOW)
        server = ApiServer(dependencies, host="127.0.0.1", port=0)
        server.start()
        yield Terminal(stack, server.url)
        server.stop()


def test_the_examples_of_the_page_work_as_written(terminal: Terminal) -> None:
    dry_run, create = blocks("bash")[0].splitlines()
    printed = [line.rstrip() for line in terminal.run(dry_run).stdout.splitlines()]
    assert printed == blocks("text")[0].splitlines()
    made = terminal.run(create)
    assert made.exit_code == 0, made.output
    backfill_id = made.stdout.split()[0]
    assert "goes through 4 times of trigger nightly, 2 at once, on revision 1 of default/report" in made.stdout
    terminal.carry_on()
    said = {}
    for line in blocks("bash")[1].splitlines():
        done = terminal.run(line, BACKFILL=backfill_id)
        assert done.exit_code == 0, f"{line}: {done.output}"
        said[line.split(" ", 1)[1]] = done.stdout
    assert "2/4" in said["backfills"]
    assert "2026-03-01 01:00:00  run" in said["backfills show $BACKFILL"]
    assert "4: 2 with a run, 0 skipped" in said["backfills show $BACKFILL"]
    assert said["runs --backfill $BACKFILL"].count("default/report") == 2
    assert f"backfill {backfill_id}: running" in said["explain report"]
    assert said["backfill cancel $BACKFILL"] == f"{backfill_id} is cancelled\n"


def test_a_backfill_is_carried_to_its_end(terminal: Terminal) -> None:
    made = terminal.json("chronoverse backfill default/report --from 2026-03-01 --to 2026-03-05 --reverse")
    until(lambda: terminal.finished(made["id"]), 60, "the backfill finishes")
    shown = terminal.json(f"chronoverse backfills show {made['id']}")
    assert (shown["runs"], shown["made"]) == ({"succeeded": 4}, 4)
    runs = terminal.json(f"chronoverse runs --backfill {made['id']}")["items"]
    days = [terminal.json(f"chronoverse runs show {run['id']}")["inputs"]["day"] for run in runs]
    assert days == ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"], "newest run first, oldest time last"
    plan = terminal.run("chronoverse backfill report --from 2026-03-01 --to 2026-03-05 --only failed --dry-run")
    assert "0 of 4 times of trigger nightly would be run" in plan.stdout
    assert "nothing" not in plan.stdout
    again = terminal.run(
        "chronoverse backfill report --from 2026-03-01 --to 2026-03-05 --only all --input day=2020-02-02"
    )
    assert again.exit_code == 0, again.output


def test_its_end_can_be_waited_for(terminal: Terminal) -> None:
    with terminal.carried_on():
        done = terminal.run("chronoverse backfill report --from 2026-03-01 --to 2026-03-03 --wait")
        assert done.exit_code == 0, done.output
        assert "is finished; runs: succeeded=2" in done.stdout
        wrong = (
            "chronoverse backfill report --from 2026-03-01 --to 2026-03-03 --only all --wait --json -i day=2026-01-01"
        )
        assert json.loads(terminal.run(wrong).stdout)["runs"] == {"succeeded": 2}
        done = terminal.run("chronoverse backfill fails --from 2026-03-01 --to 2026-03-02 --wait")
    assert (done.exit_code, "runs: failed=1" in done.stdout) == (1, True)
    assert "nightly (backfill)" in terminal.run("chronoverse runs").stdout


def test_a_request_under_a_key_is_carried_out_once(terminal: Terminal) -> None:
    line = "chronoverse backfill report --from 2026-03-01 --to 2026-03-02T00:00:00+01:00 --idempotency-key monday"
    assert terminal.json(line) == terminal.json(line)
    assert len(terminal.json("chronoverse backfills --state running --workflow report")["items"]) == 1


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("backfill report --from 2026-03-01", 2, "Missing option '--to'"),
        ("backfill report --from monday --to 2026-03-02", 2, "'monday' is not a time"),
        ("backfill report --from 2026-03-01 --to 2026-03-02 --only some", 2, "'some' is not one of"),
        ("backfill report --from 2026-03-02 --to 2026-03-01", 1, "hint: it ends later than it begins"),
        ("backfill report --from 2026-03-02 --to 2030-03-01", 1, "end the range at a moment that has passed"),
        ("backfill report --from 2026-03-02 --to 2026-03-03 --trigger nightli", 1, "did you mean 'nightly'?"),
        ("backfill report --from 2026-03-02 --to 2026-03-03 -i dya=x", 1, "body.inputs.dya"),
        ("backfill other --from 2026-03-02 --to 2026-03-03", 1, "there is no workflow default/other"),
        ("backfill pause nonsense", 1, "is not a UUID"),
        ("backfill", 2, "WORKFLOW | COMMAND"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(terminal: Terminal, line: str, status: int, says: str) -> None:
    done = terminal.run(f"chronoverse {line}")
    assert (done.exit_code, says in done.output) == (status, True), done.output


def test_the_words_of_the_command_line_are_those_of_the_engine() -> None:
    assert [str(policy) for policy in Policy] == list(commands.POLICIES)
    assert [str(state) for state in BackfillState] == list(commands.STATES)
    parallel = next(option for option in commands.create.params if option.name == "parallel")
    assert parallel.type.max == PARALLEL_MAX  # type: ignore[attr-defined]
