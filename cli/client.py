"""The API as the commands see it: typed answers, and errors that say what to do."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import click
import httpx
import msgspec

from api.schemas.accounts import LogIn
from api.schemas.problems import Problem
from cli.credentials import Credentials, KeptLogIn, LogIns, kept
from cli.errors import CliError, UnreachableError
from engine.settings import Settings, SettingsError
from engine.telemetry.context import of_environment

T = TypeVar("T")
Item = TypeVar("Item")

BASE = "/api/v1"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
RECONNECTS_MAX = 5
RECONNECT_SECONDS = 0.2


class Page(Protocol[Item]):
    """One page of a list."""

    @property
    def items(self) -> list[Item]:
        """What is on the page."""

    @property
    def next(self) -> str | None:
        """The cursor of the next page, or None."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    kind: str
    id: str
    data: bytes


class ApiClient:
    """A connection to the API. Raises `CliError` for whatever goes wrong."""

    def __init__(self, url: str, pause: Callable[[float], None] = time.sleep, token: str = "") -> None:
        self._url = url.rstrip("/")
        self._pause = pause
        self._http = httpx.Client(
            base_url=self._url + BASE,
            timeout=_patience(ANSWER_SECONDS),
            trust_env=False,
            auth=Credentials(self._url, token, LogIns.of_person(), self._renew),
            headers=of_environment(os.environ),  # a pipeline's trace goes on in the runs that it asks for
        )

    @classmethod
    def of_environment(cls) -> "ApiClient":
        """Return a client of the API that `CHRONOVERSE_API_URL` names; it is closed when the command ends."""
        try:
            settings = Settings.read()
            client = cls(settings.api_url, token=settings.token)
        except SettingsError as error:
            message, _, hint = str(error).partition("\n  hint: ")
            raise CliError(message, hint) from error
        click.get_current_context().call_on_close(client.close)
        return client

    @property
    def url(self) -> str:
        """The API's address."""
        return self._url

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(
        self, path: str, answer: type[T], params: Mapping[str, Any] | None = None, seconds: float = ANSWER_SECONDS
    ) -> T:
        """Ask for something that takes so many seconds at most."""
        return _read(self._send("GET", path, params=_given(params), timeout=_patience(seconds)), answer)

    def post(
        self,
        path: str,
        answer: type[T],
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> T:
        """Have something done that takes so many seconds at most."""
        given = {"json": body, "headers": headers, "params": _given(params)}
        return _read(self._send("POST", path, **given, timeout=_patience(seconds)), answer)

    def put(self, path: str, answer: type[T], body: Mapping[str, Any], params: Mapping[str, Any] | None = None) -> T:
        """Have something set."""
        return _read(self._send("PUT", path, json=body, params=_given(params)), answer)

    def remove(self, path: str, answer: type[T], params: Mapping[str, Any] | None = None) -> T:
        """Have something removed, and hear what became of it."""
        return _read(self._send("DELETE", path, params=_given(params)), answer)

    def delete(self, path: str, params: Mapping[str, Any] | None = None) -> None:
        """Have something deleted."""
        self._send("DELETE", path, params=_given(params))

    def take_back(self, path: str, answer: type[T], params: Mapping[str, Any] | None = None) -> T:
        """Have something deleted, and return what is left without it."""
        return _read(self._send("DELETE", path, params=_given(params)), answer)

    def tell(self, path: str, body: Mapping[str, Any]) -> None:
        """Have something done that answers nothing."""
        self._send("POST", path, json=body)

    def pages(self, path: str, answer: type[Page[Item]], params: Mapping[str, Any] | None = None) -> Iterator[Item]:
        """Give the items of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, answer, {**(params or {}), "cursor": cursor})
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

    def events(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[Event]:
        """Give the events of a stream until its `end`; one that breaks off is taken up again where it was."""
        last, failures = "", 0
        while True:
            failure = None
            try:
                for event in self._stream(path, _given(params), {"Last-Event-ID": last} if last else {}):
                    failures, last = 0, event.id or last
                    yield event
                    if event.kind == "end":
                        return
            except httpx.HTTPError as error:
                failure = error
            failures += 1
            if failures > RECONNECTS_MAX:
                raise self._unreachable(failure) from failure
            self._pause(RECONNECT_SECONDS * failures)

    def download(self, path: str) -> Iterator[bytes]:
        """Give what is at a path below the API's address, in pieces."""
        try:
            with self._http.stream("GET", f"{self._url}{path}") as response:
                if response.is_error:
                    response.read()
                    raise _problem(response)
                yield from response.iter_bytes()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _stream(self, path: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[Event]:
        with self._http.stream("GET", path, params=params, headers=headers, timeout=_PATIENT) as response:
            if response.is_error:
                response.read()
                raise _problem(response)
            yield from _events(response.iter_lines())

    def _renew(self, refresh_token: str) -> KeptLogIn | None:
        """Carry a log-in on; None where it has ended."""
        body = {"refresh_token": refresh_token}
        response = self._http.post("/session/refresh", json=body, auth=httpx.Auth())
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            return None
        if response.is_error:
            raise _problem(response)
        return kept(_read(response, LogIn))

    def _send(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **given)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.is_error:
            raise _problem(response)
        return response

    def _unreachable(self, error: httpx.HTTPError | None) -> CliError:
        return UnreachableError(
            f"the API at {self._url} does not answer: {error or 'the stream ends again and again'}",
            "start it with `chronoverse up` (or `chronoverse api`), or say where it is with CHRONOVERSE_API_URL",
        )


def _patience(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=CONNECT_SECONDS)


_PATIENT = _patience(60.0)


def _given(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}


def _read(response: httpx.Response, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=answer)
    except msgspec.DecodeError as error:
        raise CliError(
            f"the answer of {response.url} cannot be read: {error}",
            "is that a Chronoverse API, and of this version? see CHRONOVERSE_API_URL",
        ) from error


def _problem(response: httpx.Response) -> CliError:
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except msgspec.DecodeError:
        message = f"{response.url} answered {response.status_code}"
        return CliError(message, "is that a Chronoverse API?", response.status_code)
    message, _, hint = problem.detail.partition("\n  hint: ")
    lines = [message, *(f"  {fault.place}: {fault.message}" for fault in problem.errors)]
    hints = [hint, *(fault.hint for fault in problem.errors)]
    return CliError("\n".join(lines), next((text for text in hints if text), ""), response.status_code)


def _events(lines: Iterator[str]) -> Iterator[Event]:
    """Read server-sent events (WHATWG HTML, 9.2.6): an empty line ends one, comments are left out."""
    kind, name = "message", ""
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Event(kind, name, "\n".join(data).encode())
            kind, name, data = "message", "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                kind = value
            case "id":
                name = value
            case "data":
                data.append(value)
            case _:
                pass
