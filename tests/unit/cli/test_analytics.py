"""`chronoverse stats`, and the example of docs/analytics.md."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from api.schemas.analytics import Analytics, AnalyticsFigures, AnalyticsItem
from cli.client import ApiClient
from cli.main import cli
from engine.analytics import ACCURACY, Figures, Width

PAGE = Path(__file__).parents[3] / "docs" / "analytics.md"
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def of(*runs: tuple[str, float], **checks: int) -> Figures:
    figures = Figures(**checks)
    for state, seconds in runs:
        began = DAY + timedelta(seconds=0.05)
        figures.count_run(state, DAY, began, began + timedelta(seconds=seconds))
        figures.lateness.add(0.2)
    return figures


def answer(by: Width = Width.DAY, pending: int = 0, *figures: Figures) -> Analytics:
    total = Figures()
    for each in figures:
        total.merge(each)
    items = [
        AnalyticsItem(starts_at=DAY + number * by.length, figures=AnalyticsFigures.of(each))
        for number, each in enumerate(figures)
    ]
    return Analytics(
        workflow="data/nightly",
        namespace=None,
        by=by,
        since=DAY,
        until=DAY + 2 * by.length,
        accuracy=ACCURACY,
        pending=pending,
        total=AnalyticsFigures.of(total),
        items=items,
    )


TWO_DAYS = answer(
    Width.DAY,
    0,
    of(("succeeded", 10.0), ("failed", 12.0), ("succeeded", 12.0)),
    of(("succeeded", 10.0), ("succeeded", 10.0), ("succeeded", 30.0), ("cancelled", 5.0), checks=4, checks_up=3),
)


@pytest.fixture
def stats(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Result, str]]:
    """Run the command against an API that gives one answer; return what it printed and what it had asked."""

    def run(line: str, given: Analytics = TWO_DAYS) -> tuple[Result, str]:
        asked: list[str] = []

        def handler(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url.query, "utf-8"))
            return httpx.Response(200, content=msgspec.json.encode(given))

        client = ApiClient("http://127.0.0.1:1")
        client._http = httpx.Client(base_url="http://127.0.0.1:1/api/v1", transport=httpx.MockTransport(handler))
        monkeypatch.setattr(ApiClient, "of_environment", lambda: client)
        return CliRunner().invoke(cli, ["stats", *line.split()]), "".join(asked)

    return run


def test_the_example_of_the_page_is_what_is_printed(stats) -> None:
    found = re.search(r"^\$ chronoverse stats (.*)\n((?:.*\n)*?)```", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    done, asked = stats(found[1])
    assert [line.rstrip() for line in done.stdout.splitlines()] == [line.rstrip() for line in found[2].splitlines()]
    assert "workflow=data%2Fnightly" in asked
    assert "since=2026-03-01T00%3A00%3A00%2B00%3A00" in asked


def test_hours_are_shown_with_their_time(stats) -> None:
    done, asked = stats("-n data --by hour", answer(Width.HOUR, 0, of(("failed", 1.0)), of()))
    assert "2026-03-01 00:00" in done.stdout
    assert "2026-03-01 01:00" in done.stdout
    assert ("namespace=data" in asked, "by=hour" in asked) == (True, True)


def test_what_is_not_counted_yet_is_said(stats) -> None:
    done, _ = stats("data/nightly", answer(Width.DAY, 7))
    assert (done.exit_code, done.stdout) == (0, "nothing ended from 2026-03-01 00:00 to 2026-03-03 00:00\n")
    assert "7 ended runs of all workflows are not counted yet" in done.stderr


def test_json_is_the_answer(stats) -> None:
    done, _ = stats("data/nightly --json")
    assert msgspec.json.decode(done.stdout, type=Analytics) == TWO_DAYS


def test_both_together_are_a_misuse(stats) -> None:
    done, asked = stats("data/nightly -n data")
    assert (done.exit_code, asked) == (2, "")
    assert "--namespace does not go with a WORKFLOW" in done.stderr


def test_with_neither_it_is_of_all(stats) -> None:
    done, asked = stats("")
    assert (done.exit_code, asked) == (0, "by=day")
