"""`chronoverse plan`: what is sent, what is printed, and its exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from api.schemas.plans import SourcePlan
from cli.client import ApiClient
from cli.main import cli
from cli.plan_text import MARKDOWN_CHARACTERS_MAX, markdown, text

FAULT = {
    "code": "E101",
    "severity": "error",
    "message": "unknown key 'neds'",
    "file": "one.yaml",
    "line": 7,
    "column": 3,
    "end_line": 7,
    "end_column": 7,
    "hint": "did you mean 'needs'?",
}
BEFORE, AFTER = ["2026-03-01T12:00:00Z"], ["2026-03-01T12:30:00Z"]


def change(action: str = "changed", name: str = "default/one", **more: Any) -> dict[str, Any]:
    plain = {"path": "one.yaml", "former_name": None, "former_path": None, "fields": [], "triggers": []}
    running = {"count": 0, "ids": []}
    return {
        "action": action,
        "workflow": name,
        **plain,
        "paused": False,
        "pinned": None,
        "restored": False,
        "runs_in_flight": running,
        **more,
    }


def answer(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"source": "flows", "commit": None, "live_version": None, "relation": None}
    plain |= {"suspended": False, "rejected": False, "unchanged": 4}
    return {**plain, "changes": list(changes), "uncompared": [], "undetailed": 0, "diagnostics": [], **more}


def plan_of(*changes: dict[str, Any], **more: Any) -> SourcePlan:
    return msgspec.convert(answer(*changes, **more), SourcePlan)


FULL = change(
    fields=[{"path": "tasks.a.run", "before": "x", "after": "y"}, {"path": "tasks.b", "after": {"run": "z"}}],
    triggers=[
        {"name": "tick", "kind": "every", "before": BEFORE, "after": AFTER},
        {"name": "old", "kind": "cron", "before": BEFORE, "after": None},
        {"name": "same", "kind": "cron", "before": BEFORE, "after": BEFORE},
    ],
    paused=True,
    runs_in_flight={"count": 3, "ids": ["r1", "r2"]},
)
DETAILS = """\
tasks.a.run: "x" -> "y"
tasks.b: (absent) -> {"run":"z"}
trigger tick (every): 2026-03-01T12:30:00Z
  before: 2026-03-01T12:00:00Z
trigger old (cron): gone
  before: 2026-03-01T12:00:00Z
trigger same (cron) fires as before: 2026-03-01T12:00:00Z
3 in flight, on the old revision until they end: r1, r2 and 1 more
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[Result, list[httpx.Request]]]:
    (tmp_path / "one.yaml").write_text("name: one\n")
    (tmp_path / "one.test.yaml").write_text("left out\n")

    def run(plan: dict[str, Any], *line: str, sources: tuple[str, ...] = ("flows",)) -> Any:
        asked = []

        def handler(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if request.url.path.endswith("/plan"):
                return httpx.Response(200, json=plan)
            state = {"config": {}, "conditions": {}, "diagnostics": [], "seen_version": None, "applied_version": None}
            more = {**state, "suspended": None, "synced_at": None, "updated_at": "2026-03-01T12:00:00Z"}
            items = [{"name": name, "kind": "git", **more} for name in sources]
            return httpx.Response(200, json={"items": items, "next": None})

        client = ApiClient("http://127.0.0.1:1")
        client._http = httpx.Client(base_url="http://127.0.0.1:1/api/v1", transport=httpx.MockTransport(handler))
        monkeypatch.setattr(ApiClient, "of_environment", lambda: client)
        target = () if "--ref" in line else (str(tmp_path),)
        return CliRunner().invoke(cli, ["plan", *target, *line]), asked

    return run


def test_the_files_of_the_folder_are_sent_to_the_only_source(run) -> None:
    done, asked = run(answer())
    assert (done.exit_code, done.stdout) == (0, "flows: nothing changes; 4 unchanged\n")
    assert asked[-1].url.path == "/api/v1/sources/flows/plan"
    assert json.loads(asked[-1].content) == {"files": {"one.yaml": "name: one\n"}}


@pytest.mark.parametrize(
    ("plan", "line", "status"),
    [
        (answer(change()), [], 0),
        (answer(change()), ["--exit-code"], 3),
        (answer(), ["--exit-code"], 0),
        (answer(change("held")), ["--exit-code"], 0),
        (answer(change(), rejected=True), ["--exit-code"], 0),
        (answer(change(), diagnostics=[FAULT]), ["--exit-code"], 1),
        (answer(diagnostics=[{**FAULT, "severity": "warning"}]), [], 0),
    ],
)
def test_the_exit_status(run, plan, line, status) -> None:
    assert run(plan, *line)[0].exit_code == status


def test_json_is_what_the_api_gave(run) -> None:
    plan = answer(FULL, diagnostics=[FAULT])
    assert json.loads(run(plan, "--format", "json")[0].stdout) == plan


@pytest.mark.parametrize("line", [["flows"], ["--source", "flows"], [], ["flows", "--source", "flows"]])
def test_a_ref_is_planned_by_the_server_itself(run, line) -> None:
    done, asked = run(
        answer(change(), commit="c" * 40, live_version="d" * 40, relation="newer"), *line, "--ref", "topic"
    )
    assert (done.exit_code, f"flows at {'c' * 12}: 1 changed" in done.stdout) == (0, True)
    assert (asked[-1].method, asked[-1].url.path) == ("GET", "/api/v1/sources/flows/plan")
    assert dict(asked[-1].url.params) == {"ref": "topic"}


@pytest.mark.parametrize(
    ("relation", "told"), [("older", "It is older than dddddddddddd"), ("rewritten", "Merge or rebase first")]
)
def test_a_commit_that_lacks_what_is_live_says_so(run, relation, told) -> None:
    plan = answer(change(), commit="c" * 40, live_version="d" * 40, relation=relation)
    assert told in run(plan, "flows", "--ref", "topic")[0].stdout
    assert told in markdown(msgspec.convert(plan, SourcePlan))


def test_two_sources_at_once_and_a_folder_that_is_none_are_misuse(run) -> None:
    done, _ = run(answer(), "one", "--source", "two", "--ref", "topic")
    assert (done.exit_code, "one or two" in done.stderr) == (2, True)
    done = CliRunner().invoke(cli, ["plan", "nowhere"])
    assert (done.exit_code, "give --ref" in done.stderr) == (2, True)


def test_several_sources_are_a_misuse(run) -> None:
    done, _ = run(answer(), sources=("one", "two"))
    assert (done.exit_code, "one, two; name one with --source" in done.stderr) == (2, True)


def test_a_file_that_is_not_utf_8_is_named(run, tmp_path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"name: \xff")
    done, asked = run(answer(), "--source", "flows")
    assert (done.exit_code, "bad.yaml is not UTF-8: byte 6" in done.stderr, asked) == (1, True, [])


def test_the_text_has_every_detail() -> None:
    lines = text(plan_of(FULL, diagnostics=[FAULT])).splitlines()
    assert lines[:2] == ["one.yaml:7:3: error E101 unknown key 'neds'", "  hint: did you mean 'needs'?"]
    assert "~ changed default/one (one.yaml) [paused]" in lines[2]
    assert lines[3:-1] == [f"    {line}" for line in DETAILS.splitlines()]
    assert lines[-1] == "flows: 1 changed; 4 unchanged"


def test_the_markdown_folds_the_details() -> None:
    shown = markdown(plan_of(FULL))
    assert (
        f"<details><summary><code>changed default/one (one.yaml) [paused]</code></summary>\n\n```text\n{DETAILS}```\n"
        in shown
    )


def test_markdown_in_a_value_stays_a_value() -> None:
    field = {"path": "tasks.a.run", "before": "```\n</details>", "after": "````"}
    shown = markdown(plan_of(change(fields=[field], path="<b>.yaml")))
    assert "\n`````text\n" in shown
    assert "&lt;b&gt;.yaml" in shown


def test_markdown_is_bounded_and_says_what_is_left_out() -> None:
    fields = [{"path": f"tasks.t{number}.run", "before": "x" * 90, "after": "y" * 90} for number in range(50)]
    shown = markdown(plan_of(*(change(name=f"default/w{number}", fields=fields) for number in range(20))))
    assert len(shown) <= MARKDOWN_CHARACTERS_MAX
    assert "more do not fit in here" in shown


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"rejected": True}, "policy is atomic"),
        ({"suspended": True}, "is suspended"),
        ({"uncompared": ["default/one"]}, "(checkout): default/one"),
        ({"undetailed": 7}, "of 7 more workflows"),
    ],
)
def test_what_stands_in_the_way_is_told(more, told) -> None:
    assert told in text(plan_of(change(), **more))
