"""docs/deploying.md against the code: outcomes, the states that forges are told, headers, numbers."""

import re
from pathlib import Path

import pytest

from api.routes.commits import WAIT_SECONDS_MAX
from api.routes.source_hooks import PUSH_BYTES_MAX
from cli.commits import TIMED_OUT
from engine.commit_outcomes import CommitOutcome
from engine.forges import FORGES, ForgeKind
from engine.forges.interface import CommitStatus, Repository
from engine.services.courier.courier import DELAYS
from engine.services.status_courier import STATES
from engine.store.commits import KEPT_MAX
from engine.sync.fates import ANNOUNCED
from tests.unit.forges.deliveries import COMMIT, PUSHES, SIGNING_TOKEN, gitlab

PAGE = (Path(__file__).parents[3] / "docs" / "deploying.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")
COLUMNS = (ForgeKind.GITHUB, ForgeKind.GITLAB, ForgeKind.GITEA, ForgeKind.BITBUCKET)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, cell by cell."""
    lines = re.search(r"(?:^\|.*\n)+", PAGE.split(f"## {heading}\n", 1)[1], re.MULTILINE)
    assert lines is not None
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[0].splitlines()[2:]]


def test_every_outcome_is_on_the_page() -> None:
    assert [CODE.findall(row[0])[0] for row in table("Every commit has an end")] == list(CommitOutcome)


@pytest.mark.parametrize("outcome", CommitOutcome)
def test_forges_are_told_what_the_page_says(outcome: CommitOutcome) -> None:
    [row] = [row for row in table("Commit statuses") if outcome in CODE.findall(row[0])]
    repository = Repository("https://x/api", "a/b", "https://x/a/b", "token")
    status = CommitStatus(COMMIT, STATES[outcome], "said", "")
    told = [FORGES[kind].status_request(repository, status).body["state"] for kind in COLUMNS]
    assert told == [CODE.findall(cell)[0] for cell in row[1:]]


def test_the_headers_that_are_checked_are_on_the_page() -> None:
    said = {name.lower() for row in table("Push webhooks") for name in CODE.findall(row[2])}
    requests = [push("secret") for push in PUSHES.values()] + [gitlab(SIGNING_TOKEN)]
    sent = {name.lower() for request in requests for name in request.headers}
    assert said - {"x-forgejo-signature"} <= sent
    assert {name for name in sent if name.endswith(("signature", "signature-256", "token"))} <= said


def test_the_numbers_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"at most {WAIT_SECONDS_MAX} seconds" in text
    assert f"at most {PUSH_BYTES_MAX >> 20} MiB" in text
    assert f"newest {KEPT_MAX} of each source" in text
    assert f"within {ANNOUNCED.total_seconds() / 60:g} minutes" in text
    assert f"| {TIMED_OUT} | it was not decided" in text
    assert f"after {DELAYS[0].total_seconds():g} seconds" in text
