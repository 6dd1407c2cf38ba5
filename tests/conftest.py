"""Fixtures that hand out the real services; see tests/services/README.md.

A service that does not answer skips the test on a laptop, with the reason in the summary, and fails it where CI=true.
"""

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest

from tests.services import (
    ServiceUnavailableError,
    dockerd,
    own_rabbitmq,
    postgres,
    rabbitmq,
    rabbitmq_environ,
)
from tests.services import rabbitmqctl as run_rabbitmqctl
from tests.services.demand import demand, do_without
from tests.services.git_http import GitHttp
from tests.services.git_http import serving as git_http_serving
from tests.services.git_ssh import GitSsh
from tests.services.git_ssh import serving as git_ssh_serving
from tests.services.place import Place

SERVED = {
    "postgres_server": "postgres",
    "rabbitmq_server": "rabbitmq",
    "own_broker": "rabbitmq",
    "docker_server": "docker",
    "git_http_server": "git",
    "git_ssh": "git",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the services its fixtures need, so that `-m "not docker"` needs no upkeep."""
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & SERVED.keys():
            item.add_marker(SERVED[fixture])


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The URL of a PostgreSQL server's maintenance database."""
    return demand("postgres")


@pytest.fixture(scope="module")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a database of the module's own, empty at first and dropped at the end."""
    with postgres.fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_server() -> str:
    """The URL of a RabbitMQ broker's default vhost."""
    return demand("rabbitmq")


@pytest.fixture(scope="module")
def rabbitmq_url(rabbitmq_server: str) -> Iterator[str]:
    """The URL of a vhost of the module's own, empty at first and deleted at the end."""
    environ = rabbitmq_environ()
    if not environ and rabbitmq.CONTROL_VARIABLE not in os.environ:
        yield rabbitmq_server  # a broker we cannot administer: its own vhost, as it is
        return
    with rabbitmq.fresh_vhost(rabbitmq_server, environ) as url:
        yield url


@pytest.fixture
def rabbitmqctl(rabbitmq_server: str) -> Callable[..., str]:
    """Run rabbitmqctl against the shared broker and give its output."""
    if not rabbitmq_environ() and rabbitmq.CONTROL_VARIABLE not in os.environ:
        do_without(f"no rabbitmqctl for this broker; hint: set {rabbitmq.CONTROL_VARIABLE} to the command")
    return run_rabbitmqctl


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Place]:
    """A broker of the module's own: `.service.url`, and what a test may do to it by `.name`.

    The shared one is never restarted by a test: other workers of pytest-xdist are connected to it.
    """
    if not rabbitmq.KIND.installed():
        do_without("rabbitmq-server is not installed")
    with own_rabbitmq() as place:
        yield place


@pytest.fixture(scope="session")
def docker_server() -> str:
    """The URL of a Docker engine."""
    return demand("docker")


@pytest.fixture(scope="session")
def docker_url(docker_server: str) -> str:
    """The URL of a Docker engine that may have no network: run containers with `none`."""
    return docker_server


@pytest.fixture(scope="session")
def docker_image(docker_server: str) -> str:
    """The name of an image with a shell and busybox, present in the engine."""
    try:
        return dockerd.ensure_image(docker_server)
    except ServiceUnavailableError as error:
        do_without(str(error))


@pytest.fixture(scope="session")
def git_http_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHttp]:
    """A git server over HTTP."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(git_http_serving(tmp_path_factory.mktemp("git-http")))
        except ServiceUnavailableError as error:
            do_without(str(error))
        yield server


@pytest.fixture
def git_http(git_http_server: GitHttp) -> GitHttp:
    """A git server over HTTP, on a good day: what tests did to it is undone."""
    git_http_server.reset()
    return git_http_server


@pytest.fixture(scope="session")
def git_ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitSsh]:
    """A git server over SSH."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(git_ssh_serving(tmp_path_factory.mktemp("git-ssh")))
        except ServiceUnavailableError as error:
            do_without(str(error))
        yield server
