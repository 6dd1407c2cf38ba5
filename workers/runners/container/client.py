"""The Docker engine, as far as an attempt needs it.

Adds to the SDK's client the one thing it lacks: logs with the stream's name (the SDK joins stdout and stderr).
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Literal, NamedTuple, cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils import kwargs_from_env, parse_repository_tag
from requests.exceptions import RequestException

from workers.runners.interface import RunnerError

TIMEOUT_SECONDS: int = 60
_FRAME_HEADER_BYTES = 8
_STREAMS: Mapping[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}


class EngineUnreachableError(RunnerError):
    """No Docker engine answers."""


class NoSuchImageError(RunnerError):
    """The image is not on this host."""


class NoSuchContainerError(RunnerError):
    """The container is not there."""


class NameTakenError(RunnerError):
    """A container of that name exists."""


class Frame(NamedTuple):
    """One log entry as the engine keeps it: its stream, its time in nanoseconds as text, and its bytes."""

    stream: Literal["stdout", "stderr"]
    time: str
    data: bytes


class Standing(NamedTuple):
    """Where a container stands."""

    status: str
    exit_code: int
    oom_killed: bool
    labels: Mapping[str, str]
    error: str

    @property
    def ended(self) -> bool:
        """Whether it ran and does no more."""
        return self.status in ("exited", "dead")


class EngineClient:
    """One Docker engine. Any thread may call. Every method raises `RunnerError` for what goes wrong."""

    def __init__(self, url: str, *, connections: int) -> None:
        try:
            settings: dict[str, Any] = {"base_url": url} if url else {**kwargs_from_env()}
            self._api = _Api(version="auto", timeout=TIMEOUT_SECONDS, max_pool_size=connections, **settings)
        except (DockerException, RequestException) as error:
            raise EngineUnreachableError(f"no Docker engine answers at {url or 'the usual socket'}: {error}") from error

    def create(self, image: str, name: str, options: Mapping[str, Any], limits: Mapping[str, Any]) -> None:
        """Create a container. Raises `NoSuchImageError`, `NameTakenError` too."""
        with _translated("the container could not be created"):
            try:
                host_config = self._api.create_host_config(**limits)
                self._api.create_container(image, name=name, host_config=host_config, **options)
            except ImageNotFound as error:
                raise NoSuchImageError(f"the image {image} is not on this host") from error
            except APIError as error:
                if error.status_code == 404 and "image" in str(error.explanation).lower():
                    raise NoSuchImageError(f"the image {image} is not on this host") from error
                if error.status_code == 409:
                    raise NameTakenError(str(error.explanation)) from error
                raise

    def start(self, name: str) -> None:
        """Start it; one that runs already is left alone."""
        with _translated("the container could not be started"):
            self._api.start(name)

    def standing(self, name: str) -> Standing:
        """Return where it stands. Raises `NoSuchContainerError`."""
        with _translated("the container could not be inspected"):
            found = self._api.inspect_container(name)
        state = found["State"]
        return Standing(
            status=state["Status"],
            exit_code=int(state["ExitCode"]),
            oom_killed=bool(state["OOMKilled"]),
            labels=found["Config"]["Labels"] or {},
            error=state["Error"],
        )

    def follow(self, name: str, since: str) -> Iterator[Frame]:
        """Yield the log after the time `since`, and what comes, until the container ends.

        The engine may close this before the container's last, unfinished line is in the log: `log` has it.
        """
        with _translated("the container's log could not be read"):
            yield from self._api.frames(name, since, follow=True)

    def log(self, name: str, since: str) -> Iterator[Frame]:
        """Yield what is in the log after the time `since`."""
        with _translated("the container's log could not be read"):
            yield from self._api.frames(name, since, follow=False)

    def kill(self, name: str, signal_name: str) -> None:
        """Send a signal; one that runs no more is left alone."""
        with _translated("the container could not be stopped"):
            try:
                self._api.kill(name, signal_name)
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise

    def put(self, name: str, directory: str, archive: bytes | IO[bytes]) -> None:
        """Unpack a tar archive in the container."""
        with _translated("files could not be copied into the container"):
            self._api.put_archive(name, directory, archive)

    def get(self, name: str, path: str, bytes_max: int) -> bytes | None:
        """Return a tar archive of the path, cut off after `bytes_max`; None if the path is not there."""
        data = bytearray()
        with _translated("the outputs could not be copied out of the container"):
            try:
                chunks, _ = self._api.get_archive(name, path)
            except NotFound:
                return None
            for chunk in chunks:
                data += chunk
                if len(data) > bytes_max:
                    break
        return bytes(data[:bytes_max])

    def archive(self, name: str, path: str) -> Iterator[bytes] | None:
        """Return a tar archive of the path in pieces, None if the path is not there."""
        with _translated("files could not be copied out of the container"):
            try:
                chunks, _ = self._api.get_archive(name, path)
            except NotFound:
                return None
        return self._pieces(chunks)

    def _pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        with _translated("files could not be copied out of the container"):
            yield from chunks

    def workdir(self, name: str) -> str:
        """Return the directory that the container's process starts in. Raises `NoSuchContainerError`."""
        with _translated("the container could not be inspected"):
            return str(self._api.inspect_container(name)["Config"]["WorkingDir"] or "/")

    def remove(self, name: str) -> None:
        """Remove it, running or not, with its anonymous volumes; one that is gone is fine."""
        with _translated("the container could not be removed"):
            try:
                self._api.remove_container(name, v=True, force=True)
            except APIError as error:
                if error.status_code not in (404, 409):  # 409: somebody else removes it now
                    raise

    def labelled(self, labels: Mapping[str, str]) -> list[tuple[str, Mapping[str, str]]]:
        """Return id and labels of all containers that have these labels."""
        with _translated("containers could not be listed"):
            wanted = [f"{name}={value}" for name, value in labels.items()]
            found = self._api.containers(all=True, filters={"label": wanted})
        return [(str(one["Id"]), one["Labels"] or {}) for one in found]

    def has_image(self, image: str) -> bool:
        """Return whether the image is on this host."""
        with _translated("the image could not be looked for"):
            try:
                cast("Any", self._api).inspect_image(image)
            except ImageNotFound:
                return False
            return True

    def pull(self, image: str, auth: Mapping[str, str] | None) -> Iterator[None]:
        """Pull the image; yields now and then, and stops pulling when closed."""
        repository, tag = parse_repository_tag(image)
        with _translated(f"the image {image} could not be pulled"):
            progress = self._api.pull(
                repository, tag=tag or "latest", stream=True, decode=True, auth_config=dict(auth) if auth else None
            )
            for event in cast("Iterator[Mapping[str, Any]]", progress):
                if "error" in event:
                    raise RunnerError(f"the image {image} could not be pulled: {event['error']}")
                yield

    def close(self) -> None:
        """Close all connections."""
        self._api.close()


class _Api(docker.APIClient):
    """The SDK's low-level client with logs in frames."""

    def frames(self, name: str, since: str, *, follow: bool) -> Iterator[Frame]:
        """Yield the log's frames."""
        params = {
            "stdout": 1,
            "stderr": 1,
            "timestamps": 1,
            "follow": int(follow),
            **({"since": since} if since else {}),
        }
        sdk = cast("Any", self)  # the SDK's own building blocks, which its type stubs leave out
        response = sdk._get(sdk._url("/containers/{0}/logs", name), params=params, stream=True)
        try:
            sdk._raise_for_status(response)
            sdk._disable_socket_timeout(sdk._get_raw_response_socket(response))
            while len(header := response.raw.read(_FRAME_HEADER_BYTES)) == _FRAME_HEADER_BYTES:
                stream, length = struct.unpack(">BxxxL", header)
                time, _, data = response.raw.read(length).partition(b" ")
                yield Frame(_STREAMS.get(stream, "stdout"), time.decode("ascii", "replace"), data)
        finally:
            response.close()


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Raise `RunnerError` for what the SDK raises."""
    try:
        yield
    except NotFound as error:
        raise NoSuchContainerError(f"{what}: {error.explanation}") from error
    except APIError as error:
        raise RunnerError(f"{what}: {error.explanation or error}") from error
    except RequestException as error:
        raise EngineUnreachableError(f"{what}: the Docker engine does not answer: {error}") from error
    except DockerException as error:
        raise RunnerError(f"{what}: {error}") from error


def texts(values: Sequence[Any] | None) -> list[str]:
    """Return the values as text."""
    return [str(value) for value in values or ()]
