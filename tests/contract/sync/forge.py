"""A forge on loopback: its documented API for statuses, as strict about what it gets as the forges are."""

import json
import re
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any

from engine.forges import ForgeKind
from tests.serving import Quiet

TOKEN = "glpat-0123456789abcdef"


@dataclass(frozen=True)
class Api:
    """Path (the group `sha`), the header that lets in, the body's fields with their longest text, the states."""

    base: str
    path: str
    header: tuple[str, str]
    fields: dict[str, int]
    required: frozenset[str]
    states: frozenset[str]


SHA = r"(?P<sha>[0-9a-f]{40})"
APIS = {
    ForgeKind.GITHUB: Api(
        "/api/v3",
        rf"/api/v3/repos/octo/flows/statuses/{SHA}",
        ("Authorization", f"Bearer {TOKEN}"),
        {"state": 10, "target_url": 2000, "description": 140, "context": 255},
        frozenset({"state"}),
        frozenset({"error", "failure", "pending", "success"}),
    ),
    ForgeKind.GITLAB: Api(
        "/api/v4",
        rf"/api/v4/projects/octo%2Fflows/statuses/{SHA}",
        ("PRIVATE-TOKEN", TOKEN),
        {"state": 10, "ref": 255, "name": 255, "target_url": 255, "description": 255},
        frozenset({"state"}),
        frozenset({"pending", "running", "success", "failed", "canceled", "skipped"}),
    ),
    ForgeKind.GITEA: Api(
        "/api/v1",
        rf"/api/v1/repos/octo/flows/statuses/{SHA}",
        ("Authorization", f"token {TOKEN}"),
        {"state": 10, "target_url": 2000, "description": 255, "context": 255},
        frozenset({"state"}),
        frozenset({"pending", "success", "error", "failure", "warning"}),
    ),
    ForgeKind.BITBUCKET: Api(
        "/2.0",
        rf"/2\.0/repositories/octo/flows/commit/{SHA}/statuses/build",
        ("Authorization", f"Bearer {TOKEN}"),
        {"key": 40, "state": 10, "url": 2000, "name": 255, "description": 255, "refname": 255},
        frozenset({"key", "state", "url"}),
        frozenset({"INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED"}),
    ),
}


class ForgeServer(ThreadingHTTPServer):
    """Keeps what it was told by commit. `refusals` (status, headers, text) are given first, one a request."""

    daemon_threads = True

    def __init__(self, kind: ForgeKind) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = APIS[kind]
        self.kind = kind
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.asked = 0
        self.refusals: list[tuple[int, dict[str, str], str]] = []

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def repository(self) -> str:
        return f"{self.host}/octo/flows.git"

    def take(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], str]:
        """Return the answer to a request."""
        self.asked += 1
        if self.refusals:
            return self.refusals.pop(0)
        found = re.fullmatch(self.api.path, path)
        name, value = self.api.header
        if headers.get(name) != value:
            return 401, {}, '{"message": "Bad credentials"}'
        if found is None:
            return 404, {}, f'{{"message": "Not Found: {path}"}}'
        if fault := self._fault(headers, body):
            return 422, {}, json.dumps({"message": fault})
        told = self.told.setdefault(found["sha"], [])
        said = json.loads(body)
        if self.kind is ForgeKind.GITLAB and told and told[-1]["state"] == said["state"]:
            return 400, {}, '{"message":"Cannot transition status via :enqueue from :pending"}'
        told.append(said)
        return 201, {"Content-Type": "application/json"}, body.decode()

    def _fault(self, headers: Any, body: bytes) -> str:
        if headers.get("Content-Type") != "application/json" or not headers.get("User-Agent"):
            return "send JSON, and say who you are"
        said = json.loads(body)
        if unknown := said.keys() - self.api.fields.keys():
            return f"unknown fields {unknown}"
        if missing := self.api.required - said.keys():
            return f"missing fields {missing}"
        if long := [name for name, value in said.items() if len(value) > self.api.fields[name]]:
            return f"too long: {long}"
        links = [value for name, value in said.items() if name in {"url", "target_url"}]
        if not all(value.startswith("http") for value in links):
            return "no link"
        return "" if said["state"] in self.api.states else "no such state"


class _Handler(Quiet):
    server: ForgeServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, text = self.server.take(self.path, self.headers, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
