"""docker-compose.yaml with the real tool, and its roles as it starts them, on real services.

The containers themselves need images that cannot be had everywhere; here their commands and settings are what is tried.
"""

import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.processes import COMMAND, Process, Processes, until
from tests.services import ServiceUnavailableError
from tests.services.compose import tool
from tests.services.demand import do_without
from tests.services.place import Place

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
ROLES = ("engine", "scheduler", "sync", "api", "worker-1")
HELLO = "name: hello\nnamespace: demo\ntasks: {greet: {set: {said: hi}}, look: {needs: [greet], http: {url: '%s'}}}\n"


def test_the_compose_tool_takes_the_file() -> None:
    try:
        command = tool()
    except ServiceUnavailableError as error:
        do_without(str(error))
    file = str(ROOT / "docker-compose.yaml")
    asked = subprocess.run([*command, "--file", file, "config"], check=False, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    wanted = {
        "setup",
        "engine",
        "scheduler",
        "sync",
        "api",
        "proxy",
        "worker-3",
        "docker-proxy",
        "postgres",
        "rabbitmq",
    }
    assert set(yaml.safe_load(asked.stdout)["services"]) >= wanted


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Deployment:
    """The file's roles as processes of this machine: its paths lie in a directory, its hosts are the services here."""

    def __init__(self, processes: Processes, directory: Path, database_url: str, broker_url: str) -> None:
        self._processes = processes
        self._directory = directory
        secrets = directory / "run/chronoverse"
        for name, text in (("engine/database-url", database_url), ("broker/url", broker_url)):
            (secrets / name).parent.mkdir(parents=True)
            (secrets / name).write_text(text)
        subprocess.run([*COMMAND, "config", "secrets", str(secrets)], check=True, capture_output=True)
        self.password = (secrets / "admin/password").read_text().strip()
        self.port = _free_port()

    def start(self, name: str) -> Process:
        """Start a service of the file with its command and its settings."""
        service = COMPOSE["services"][name]
        given = {key: str(value) for key, value in service["environment"].items() if "${" not in str(value)}
        environ = {key: self._here(value) for key, value in given.items()}
        environ |= {"CHRONOVERSE_METRICS_ADDRESS": "127.0.0.1:0", "CHRONOVERSE_STATE_DIR": str(self._directory / name)}
        if service["command"][0] == "api":
            environ["CHRONOVERSE_PORT"] = str(self.port)
        return self._processes.start(name, *service["command"], **environ)

    def _here(self, value: str) -> str:
        return f"{self._directory}{value}" if value.startswith("/") else value

    def ready(self, process: Process) -> str:
        """Wait until a role is well, as its health check asks; return the address that it serves its health at."""

        def well() -> str:
            lines = [line for line in process.said().splitlines() if "metrics are served at" in line]
            if not lines:
                return ""
            base = lines[0].partition("served at ")[2].partition("/metrics")[0]
            answer = httpx.get(f"{base}/health/ready", trust_env=False, timeout=10)
            return base if answer.status_code == 200 else ""

        return until(well, 60, f"{process.name} is ready")


@pytest.mark.timeout(240)
def test_the_roles_work_together_as_the_file_starts_them(tmp_path: Path, postgres_url: str, own_broker: Place) -> None:
    with Processes(tmp_path, {}) as processes:
        deployment = Deployment(processes, tmp_path, postgres_url, own_broker.service.url)
        (tmp_path / "workflows").mkdir()
        started = {}
        for name in ROLES:
            started[name] = deployment.start(name)
            deployment.ready(started[name])
        base = f"http://127.0.0.1:{deployment.port}/api/v1"
        asked = httpx.get(f"{base}/workflows", trust_env=False, timeout=10)
        assert asked.status_code == 401  # it listens on all addresses, so it asks everybody who he is
        credentials = {"name": "admin", "password": deployment.password}
        given = httpx.post(f"{base}/session", json=credentials, trust_env=False, timeout=30).json()
        bearer = {"Authorization": f"Bearer {given['access_token']}"}
        with httpx.Client(base_url=base, headers=bearer, trust_env=False, timeout=10) as api:
            (tmp_path / "workflows" / "hello.yaml").write_text(
                HELLO % f"http://127.0.0.1:{deployment.port}/health/live"
            )
            until(lambda: api.get("/workflows/demo/hello").status_code == 200, 60, "the file is live")
            run = api.post("/workflows/demo/hello/runs", json={}).json()
            ended = {"succeeded", "failed"}
            until(lambda: api.get(f"/runs/{run['id']}").json()["state"] in ended, 60, "the run ends")
            assert api.get(f"/runs/{run['id']}").json()["state"] == "succeeded"
