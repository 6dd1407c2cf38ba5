import httpx
import pytest

from api.schemas.runs import RunPage
from api.schemas.workers import WorkerPage
from cli.client import ApiClient, Event
from cli.errors import CliError


def client(handler) -> ApiClient:
    found = ApiClient("http://127.0.0.1:1", pause=lambda _: None)
    found._http = httpx.Client(base_url="http://127.0.0.1:1/api/v1", transport=httpx.MockTransport(handler))
    return found


def test_a_problem_becomes_an_error_with_its_faults_and_its_hint():
    problem = {
        "type": "urn:chronoverse:problem:bad-parameter",
        "title": "t",
        "status": 400,
        "detail": "query.state: wrong\n  hint: write it right",
        "instance": "/",
        "errors": [{"place": "query.state", "message": "wrong", "hint": "one of a, b"}],
    }
    with pytest.raises(CliError) as caught:
        client(lambda _: httpx.Response(400, json=problem)).get("/runs", RunPage)
    assert caught.value.message == "query.state: wrong\n  query.state: wrong"
    assert caught.value.hint == "write it right"


@pytest.mark.parametrize("response", [httpx.Response(502, text="<html>"), httpx.Response(200, text="<html>")])
def test_an_answer_that_is_not_the_apis_is_an_error(response):
    with pytest.raises(CliError):
        client(lambda _: response).get("/runs", RunPage)


def test_what_a_pipeline_asks_for_belongs_to_its_trace(monkeypatch: pytest.MonkeyPatch):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    monkeypatch.setenv("TRACEPARENT", parent)
    assert ApiClient("http://127.0.0.1:1")._http.headers["traceparent"] == parent
    monkeypatch.delenv("TRACEPARENT")
    assert "traceparent" not in ApiClient("http://127.0.0.1:1")._http.headers


def test_pages_are_followed_to_the_end():
    def handler(request: httpx.Request) -> httpx.Response:
        last = "cursor" in request.url.params
        return httpx.Response(200, json={"items": [], "next": None if last else "x"})

    assert list(client(handler).pages("/workers", WorkerPage)) == []


def test_a_stream_that_breaks_off_is_taken_up_where_it_was():
    asked: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("Last-Event-ID"))
        if len(asked) == 1:
            return httpx.Response(
                200, stream=_Broken(b": hello\r\n\r\nevent: lines\r\nid: 4\r\ndata: [1,\r\ndata: 2]\r\n\r\n")
            )
        return httpx.Response(200, content=b"event: end\nid: 4\ndata: {}\n\n")

    assert list(client(handler).events("/runs/x/logs/stream")) == [
        Event("lines", "4", b"[1,\n2]"),
        Event("end", "4", b"{}"),
    ]
    assert asked == [None, "4"]


def test_a_stream_that_never_gets_on_is_given_up():
    with pytest.raises(CliError):
        list(client(lambda _: httpx.Response(200, content=b": nothing\n\n")).events("/runs/x/logs/stream"))


class _Broken(httpx.SyncByteStream):
    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self):
        yield self._data
        raise httpx.ReadError("the server went away")
