"""Tells forges what became of commits: at least once, the newest outcome only, and never in the way of a sync."""

import logging
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Final

from engine.clock import Clock, system_clock
from engine.commit_outcomes import CommitOutcome
from engine.forges import FORGES, ForgeConfigError, StatusConfig
from engine.forges.interface import CommitStatus, Repository, StatusRequest, StatusState
from engine.forges.limits import closed_until
from engine.forges.whereabouts import repository_of
from engine.services.courier.courier import DELAYS
from engine.services.secrets import Secrets
from engine.services.service import LoopService
from engine.store.commit_statuses import DueStatus, due_statuses, next_status_due, note_not_told, note_told
from engine.store.commits import CommitRow
from engine.store.database import Database

if TYPE_CHECKING:  # httpx costs 5 MB, and many tell no forge anything
    import httpx

log = logging.getLogger(__name__)

TURN_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 1.0
"""How long it rests at least where something is due that another process is at."""
BITE: Final = 50
TIMEOUT_SECONDS: Final = 20.0
ANSWER_CHARACTERS_MAX: Final = 300
DIAGNOSTICS_SHOWN: Final = 3
STATES: Final = {
    CommitOutcome.PENDING: StatusState.PENDING,
    CommitOutcome.LIVE: StatusState.SUCCESS,
    CommitOutcome.REJECTED: StatusState.FAILURE,
    CommitOutcome.FAILED: StatusState.FAILURE,
    CommitOutcome.SUPERSEDED: StatusState.STOPPED,
}
"""What a forge is told of each outcome."""


class ClosedError(Exception):
    """The forge wants to be left alone until a moment."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class RefusedError(Exception):
    """The forge did not take a status, or could not be asked."""


class StatusCourier(LoopService):
    """Tells what is due, and looks again when woken, when the next is due, or every ten seconds.

    One process at a time tells. `public_url` is where people reach the API; empty: statuses have no link.
    """

    name = "status courier"

    def __init__(
        self, database: Database, secrets: Secrets, *, public_url: str = "", clock: Clock = system_clock
    ) -> None:
        super().__init__()
        self._database = database
        self._secrets = secrets
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        self._told = threading.Event()
        self._http: httpx.Client | None = None
        self._closed: dict[str, ClosedError] = {}

    def wake(self) -> None:
        """Look at once: something became of a commit."""
        self._told.set()

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self.wake()

    def stop(self) -> None:
        """End the loop, and close connections."""
        super().stop()
        if self._http is not None:
            self._http.close()

    def turn(self) -> None:
        """Tell what is due, and wait for more."""
        if self.tell_due() == BITE:
            return
        with self._database.read() as connection:
            moment = next_status_due(connection)
        patience = TURN_SECONDS if moment is None else (moment - self._clock()).total_seconds()
        self._told.wait(min(max(patience, PAUSE_SECONDS), TURN_SECONDS))
        self._told.clear()

    def tell_due(self) -> int:
        """Tell what is due, if no other process is at it; return how many outcomes were looked at."""
        with self._database.exclusive(self.name) as mine:
            if not mine:
                return 0
            with self._database.read() as connection:
                due = due_statuses(connection, self._clock(), BITE)
            for item in due:
                if self.stopping:
                    break
                self._try(item)
            return len(due)

    def _try(self, due: DueStatus) -> None:
        error, again, tried = "", None, True
        try:
            self._tell(due)
        except ClosedError as closed:
            error, again, tried = str(closed), closed.until, False
        except (ForgeConfigError, RefusedError) as refused:
            error, again = str(refused), self._again(due.commit)
        except Exception as failed:  # whatever it is, one commit must not hold up all others
            log.exception("the status of commit %s could not be made", due.commit.version)
            error, again = f"it could not be made: {failed}", self._again(due.commit)
        with self._database.write() as connection:
            if error:
                log.warning("source %s: %s was not told of: %s", due.commit.source, due.commit.version[:12], error)
                note_not_told(connection, due, error, again, tried=tried)
            else:
                note_told(connection, due)

    def _again(self, row: CommitRow) -> datetime | None:
        return self._clock() + DELAYS[row.status_tries] if row.status_tries < len(DELAYS) else None

    def _tell(self, due: DueStatus) -> None:
        given = due.config.get("status")
        if given is None:  # it was taken out of the configuration meanwhile
            return
        config = StatusConfig.read(given)
        forge = FORGES[config.forge]
        repository = self._repository(due, config)
        self._check_open(repository.api)
        self._send(repository, forge.status_request(repository, self._status(due.commit, config.context)))

    def _repository(self, due: DueStatus, config: StatusConfig) -> Repository:
        found = self._secrets.read(str(due.config.get("namespace", "")), [config.token])
        if config.token not in found.values:
            raise RefusedError(found.faults[config.token])
        return repository_of(str(due.config.get("url", "")), FORGES[config.forge], config, found.values[config.token])

    def _status(self, row: CommitRow, context: str) -> CommitStatus:
        link = f"{self._public_url}/api/v1/sources/{row.source}/commits/{row.version}" if self._public_url else ""
        return CommitStatus(row.version, STATES[CommitOutcome(row.outcome)], description(row), link, context)

    def _check_open(self, api: str) -> None:
        closed = self._closed.get(api)
        if closed is not None and closed.until > self._clock():
            raise ClosedError(str(closed), closed.until)

    def _send(self, repository: Repository, request: StatusRequest) -> None:
        import httpx  # noqa: PLC0415 - see above

        try:
            answer = self._client().post(request.url, json=dict(request.body), headers=dict(request.headers))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise RefusedError(f"{repository.api} does not answer: {str(error) or type(error).__name__}") from error
        if answer.is_success:
            return
        said = _said(answer, repository.token)
        if any(text in said for text in request.moot):
            return
        message = f"{repository.api} answered {answer.status_code}: {said}"
        until = closed_until(answer.status_code, answer.headers, self._clock())
        if until is not None:
            self._closed = {api: each for api, each in self._closed.items() if each.until > self._clock()}
            self._closed[repository.api] = closed = ClosedError(message, until)
            raise closed
        raise RefusedError(message)

    def _client(self) -> "httpx.Client":
        """Return the client; it is made when the first status is told, since it costs time and memory.

        It trusts the certificates of the system too, where those of one's own forge may be.
        """
        import httpx  # noqa: PLC0415 - see above

        if self._http is None:
            trusted = httpx.create_ssl_context(trust_env=False)
            trusted.load_default_certs()
            agent = {"User-Agent": "chronoverse"}
            self._http = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, headers=agent, verify=trusted)
        return self._http


def description(row: CommitRow) -> str:
    """Return what is told of a commit in a line: of one with faults, the first of them with file and line."""
    if row.outcome == CommitOutcome.PENDING:
        return "the workflows are being looked at"
    if row.outcome == CommitOutcome.REJECTED and row.diagnostics:
        shown = [f"{item['file']}:{item['line']}: {item['message']}" for item in row.diagnostics[:DIAGNOSTICS_SHOWN]]
        return "; ".join(shown)
    return row.message.partition("\n")[0]


def _said(answer: "httpx.Response", token: str) -> str:
    """Return what a refusal says, in a line. It may hold anything, even what was sent."""
    text = " ".join(answer.text.replace(token, "***").split())[:ANSWER_CHARACTERS_MAX]
    return "".join(character if character.isprintable() else "?" for character in text) or answer.reason_phrase
