"""docker-compose.yaml: what it says of roles, settings and files is so, and nobody has more rights than needed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from cli.main import cli
from engine.settings import SETTINGS

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ROLES = {name: service for name, service in OURS.items() if name != "setup"}
VARIABLES = {setting.variable for setting in SETTINGS.values()}


def volumes(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The source and the target of each volume; a source may have a `:-` of its own in it."""
    for volume in service.get("volumes", []):
        source, _, target = volume.removesuffix(":ro").rpartition(":")
        yield source, target


def test_of_every_role_there_is_more_than_one() -> None:
    count: dict[str, int] = {}
    for service in ROLES.values():
        role = service["command"][0]
        count[role] = count.get(role, 0) + service["deploy"].get("replicas", 1)
    assert count == {"engine": 2, "scheduler": 2, "sync": 1, "api": 2, "worker": 3}


@pytest.mark.parametrize("name", OURS)
def test_commands_and_variables_are_there(name: str) -> None:
    service = OURS[name]
    shown = CliRunner().invoke(cli, [*service["command"], "--help"])
    assert shown.exit_code == 0, shown.output
    for variable in service.get("environment", {}):
        assert variable.removesuffix("_FILE") in VARIABLES or variable.startswith("OTEL_"), variable


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_rights(name: str) -> None:
    service = OURS[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_only_the_proxy_sees_the_docker_engine_and_workers_see_no_database() -> None:
    for name, service in SERVICES.items():
        sources = {source for source, _ in volumes(service)}
        assert ("/var/run/docker.sock" in sources) == (name == "docker-proxy"), name
        if service.get("command") == ["worker"]:
            assert not sources & {"engine-secrets", "admin-secrets", "postgres-secrets", "rabbitmq-secrets"}
            assert not any("DATABASE" in variable for variable in service["environment"])


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "setup"])
def test_whatever_runs_on_is_limited_and_started_again(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert limits["cpus"]
    assert limits["memory"]
    assert service["restart"] == "unless-stopped"
    if "profiles" not in service and name != "docker-proxy":
        assert service["healthcheck"]["test"]


def test_images_have_a_version() -> None:
    for name, service in SERVICES.items():
        if name not in OURS:
            tag = service["image"].rpartition(":")[2]
            assert tag != "latest", name
            assert any(character.isdigit() for character in tag), name


def test_what_is_mounted_from_here_is_here() -> None:
    mounted = [source for service in SERVICES.values() for source, _ in volumes(service) if source.startswith("./")]
    assert len(mounted) >= 4
    for source in mounted:
        assert (ROOT / source).exists(), source


def test_secrets_that_are_named_are_made(tmp_path: Path) -> None:
    CliRunner().invoke(cli, ["config", "secrets", str(tmp_path)])
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    named = {
        value.removeprefix("/run/chronoverse/")
        for service in SERVICES.values()
        for variable, value in service.get("environment", {}).items()
        if variable.endswith("_FILE")
    }
    assert named <= made
    assert {"engine/database-url", "broker/url", "engine/secret-key", "admin/password", "postgres/password"} == named


def test_what_is_given_is_mounted() -> None:
    for name, service in SERVICES.items():
        places = {target for _, target in volumes(service)}
        for value in service.get("environment", {}).values():
            if str(value).startswith("/run/chronoverse/"):
                assert any(value.startswith(place) for place in places), (name, value)
