"""The badge of a workflow: how its last run went, as a picture that every reader of XML takes."""

from xml.etree import ElementTree as ET

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from api.routes.badges import svg
from tests.contract.api.play import Play

FLOW = "tasks:\n  a: {run: echo hi}\n"
SVG = "{http://www.w3.org/2000/svg}"


def said(api: TestClient, play: Play, **params: str) -> str:
    answer = api.get(f"/api/v1/workflows/{play.namespace}/flow/badge", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml"), answer.text
    assert answer.headers["cache-control"] == "no-cache"
    return ET.fromstring(answer.content).findtext(f"{SVG}title") or ""


def test_it_says_how_the_last_run_ended(api: TestClient, play: Play) -> None:
    play.files(flow=FLOW)
    assert said(api, play) == "flow: no runs"
    play.worker()
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/flow/runs", json={}).json()["id"]
    play.settle()
    play.carry_out(run_id)
    assert said(api, play) == "flow: succeeded"
    api.post(f"/api/v1/workflows/{play.namespace}/flow/runs", json={})
    assert said(api, play, label='nightly <load> & "more"') == 'nightly <load> & "more": succeeded'


@pytest.mark.parametrize(("public", "status"), [("{}", 200), ("{}.*", 200), ("other", 401), (None, 401)])
def test_whose_badges_everybody_may_see_is_configured(play: Play, public: str | None, status: int) -> None:
    play.files(flow=FLOW)
    patterns = () if public is None else (public.format(play.namespace),)
    given = Dependencies(database=play.database, broker=play.broker, credentials_always=True, public_badges=patterns)
    with TestClient(create_app(given), base_url="http://127.0.0.1:8080") as nobody:
        assert nobody.get(f"/api/v1/workflows/{play.namespace}/flow/badge").status_code == status
        assert nobody.get(f"/api/v1/workflows/{play.namespace}/flow").status_code == 401


def test_there_is_none_of_a_workflow_that_is_not_there(api: TestClient, play: Play) -> None:
    assert api.get(f"/api/v1/workflows/{play.namespace}/nothing/badge").status_code == 404


@pytest.mark.parametrize("label", ["a", "a longer name of it", "<&\"'>", "ü"])
def test_the_picture_is_well_formed_and_as_wide_as_its_parts(label: str) -> None:
    root = ET.fromstring(svg(label, "failed", "#c0362c"))
    widths = [float(text.get("textLength", "0")) for text in root.iter(f"{SVG}text")]
    assert float(root.get("width", "0")) == pytest.approx(sum(widths) + 24)
    assert [text.text for text in root.iter(f"{SVG}text")] == [label, "failed"]
