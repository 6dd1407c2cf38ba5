"""After the commit, before the reply: a grant gets the list of the files that are there for it.

Those are what earlier tasks left, and the source tree that the task starts in a copy of.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.broker.interface import Broker
from engine.machine.changes import Command, Gathered, GrantAttempt, HandedOn
from engine.machine.states import Reason
from engine.services.executor.ungrantable import end_attempt
from engine.store.artifacts import Left, left_by
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.revisions import checkouts_of

log = logging.getLogger(__name__)

FILES_MAX: Final = 5_000
"""Files that one attempt may be handed; more belong into an archive."""


class HandingOn:
    """Fills such grants. Called by the executor's thread."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    def fill(self, commands: Iterable[Command], now: datetime) -> list[Command]:
        """Return the commands with every grant's files, in the same order.

        A grant whose files are gone, or are too many, ends its attempt. Where the store does not answer, it is left
        out: its worker asks again.
        """
        found = list(commands)
        grants = (command for command in found if isinstance(command, GrantAttempt))
        wanted = [grant for grant in grants if grant.gathered or grant.starts_at]
        if not wanted:
            return found
        try:
            with self._database.read() as connection:
                left = left_by(connection, {each.task_run_id for grant in wanted for each in grant.gathered})
                trees = checkouts_of(connection, {grant.starts_at for grant in wanted if grant.starts_at})
        except StoreError as error:
            log.warning("%d attempts wait for the list of their artifacts: %s", len(wanted), error)
            return [command for command in found if command not in wanted]
        return [self._filled(each, left, trees, now) if each in wanted else each for each in found]

    def _filled(
        self, command: Command, left: Mapping[str, list[Left]], trees: Mapping[str, str], now: datetime
    ) -> Command:
        assert isinstance(command, GrantAttempt)
        if command.starts_at is not None and command.starts_at not in trees:
            message = "its revision has no source tree to check out\n  hint: only what comes from a source has one"
            return end_attempt(self._broker, command, Reason.ARTIFACT, message, now)
        gone = [each.folder for each in command.gathered if each.expected and not left[each.task_run_id]]
        if gone:
            message = f"the artifacts of {', '.join(gone)} are gone: the run that left them was deleted"
            return end_attempt(self._broker, command, Reason.ARTIFACT, f"{message}; rerun them too", now)
        files = tuple(file for each in command.gathered for file in _files(each, left[each.task_run_id]))
        if len(files) > FILES_MAX:
            message = f"{len(files):,} artifacts of earlier tasks, more than {FILES_MAX:,}: pack them into archives"
            return end_attempt(self._broker, command, Reason.ARTIFACT, message, now)
        return replace(command, handed_on=files, checkout=trees.get(command.starts_at or ""))


def _files(gathered: Gathered, left: Iterable[Left]) -> Iterator[HandedOn]:
    for each in left:
        own_folder = each.index is not None and "/" not in gathered.folder
        folder = f"{gathered.folder}/{each.index}" if own_folder else gathered.folder
        for artifact in each.artifacts:
            yield HandedOn(f"{folder}/{artifact.name}", each.run_id, artifact)
