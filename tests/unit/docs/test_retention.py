"""docs/retention.md against the code: its rules, its bounds, its times."""

import re
import shlex
from datetime import timedelta

from click.testing import CliRunner

from api.schemas.log_search import LogMatch, LogSearchPage
from cli.client import ApiClient
from cli.main import cli
from dsl.times import parse_time
from engine.analytics import Width
from engine.services.janitor import KEYS_KEPT, SESSIONS_KEPT, TURN_SECONDS
from engine.services.log_retention import LATE
from engine.services.log_search import BATCHES_MAX, RUNS_MAX, SECONDS_MAX
from engine.services.rollup import KEPT
from engine.settings import LogLimit, Settings
from engine.store.retention import ROWS_MAX
from tests.docs import DOCS

PAGE = (DOCS / "retention.md").read_text(encoding="utf-8")
MATCH = LogMatch(
    run_id="01890000-0000-7000-8000-000000000001",
    pos=1,
    task="load",
    key="shard=1",
    attempt=1,
    at=parse_time("2026-03-01T12:00:00Z"),
    stream="stdout",
    text="write failed: Disk full",
)


def test_the_rules_of_the_page_are_read_as_it_says() -> None:
    [rules] = re.findall(r'^CHRONOVERSE_LOG_RETENTION="(.*)"$', PAGE, re.MULTILINE)
    day = 86_400.0
    assert Settings.read({"CHRONOVERSE_LOG_RETENTION": rules}).log_retention == {
        "data/noisy": LogLimit(1 * day, 100 * 2**20),
        "data": LogLimit(30 * day, 10 * 2**30),
        "*": LogLimit(90 * day, None),
    }


def test_the_search_of_the_page_prints_what_it_shows(monkeypatch) -> None:
    class Api:
        def pages(self, path, answer, params):
            assert (path, answer) == ("/workflows/data/nightly/logs/search", LogSearchPage)
            assert params["text"] in MATCH.text.lower()
            yield MATCH

    monkeypatch.setattr(ApiClient, "of_environment", Api)
    [(command, shown)] = re.findall(r"^\$ chronoverse (.*)\n((?:.*\n)*?)```", PAGE, re.MULTILINE)
    assert CliRunner().invoke(cli, shlex.split(command)).stdout == shown


def test_bounds_and_times_are_those_of_the_code() -> None:
    told = (f"{RUNS_MAX:,} runs, {BATCHES_MAX:,}\nbatches", f"at most {ROWS_MAX} rows")
    assert [each for each in told if each not in PAGE] == []
    bounds = {"seconds": SECONDS_MAX, "late": LATE, "turn": TURN_SECONDS, "keys": KEYS_KEPT, "sessions": SESSIONS_KEPT}
    day, ten_minutes = timedelta(days=1), timedelta(minutes=10)
    assert bounds == {"seconds": 2.0, "late": ten_minutes, "turn": 3600.0, "keys": day, "sessions": day}
    assert f"{KEPT[Width.HOUR].days} days, {KEPT[Width.DAY].days} days" in PAGE
    assert f"`CHRONOVERSE_RETENTION_DAYS` ({Settings.read({}).retention_days:g})" in PAGE
