"""Actions on declared sources: declare, change, remove, suspend, go on. What is in the server's file stays there."""

from collections.abc import Callable, Mapping
from typing import Any

from dsl.syntax import Violation, explain, is_valid
from engine.services.refusals import ConflictError, UnknownError
from engine.store import declarations as store
from engine.store import sources
from engine.store.connection import Connection
from engine.store.database import Database
from engine.sync.declarations import Declaration, DeclarationError, check

FieldFaults = list[tuple[str, str, str]]
"""Place, message and hint of each fault."""


class InvalidDeclarationError(ValueError):
    """A declaration does not fit; `faults` has place, message and hint of each fault."""

    def __init__(self, faults: FieldFaults) -> None:
        super().__init__("; ".join(f"{place}: {message}" for place, message, _ in faults))
        self.faults = faults


class DeclaredSources:
    """May be called from any thread. `told` hears the name of a source that changed."""

    def __init__(self, database: Database, told: Callable[[str], object]) -> None:
        self._database = database
        self._told = told

    def declare(self, name: str, spec: Mapping[str, Any]) -> None:
        """Declare a new source. Raises `InvalidDeclarationError`, `ConflictError`."""
        declaration = _checked(name, spec)
        with self._database.write() as connection:
            if not store.declare(connection, name, declaration.kind, spec, self._database.now()):
                raise ConflictError(f"there is a source {name} already\n  hint: change it, or take another name")
        self._told(name)

    def change(self, name: str, spec: Mapping[str, Any]) -> None:
        """Change a source that was declared here. Raises as `declare` does, and `UnknownError`."""
        _checked(name, spec)
        with self._database.write() as connection:
            if not store.redeclare(connection, name, spec, self._database.now()):
                raise _not_here(connection, name)
        self._told(name)

    def remove(self, name: str, *, archive: bool) -> int:
        """Remove a source that was declared here; return how many workflows were archived with it."""
        with self._database.write() as connection:
            archived = store.remove(connection, name, self._database.now(), archive=archive)
            if archived is None:
                raise _not_here(connection, name)
        self._told(name)
        return archived

    def suspend(self, name: str, by: str, reason: str) -> None:
        """Let any source rest: what is live stays as it is. Raises `UnknownError`."""
        with self._database.write() as connection:
            if not sources.suspend(connection, name, by, reason, self._database.now()):
                raise UnknownError(f"there is no source {name}")
        self._told(name)

    def resume(self, name: str) -> None:
        """Let a suspended source go on. Raises `UnknownError`."""
        with self._database.write() as connection:
            if not sources.rouse(connection, name, self._database.now()):
                raise UnknownError(f"there is no source {name}")
        self._told(name)


def _checked(name: str, spec: Mapping[str, Any]) -> Declaration:
    document = {"sources": {name: spec}}
    if not is_valid(document, "server"):
        raise InvalidDeclarationError([_fault(item) for item in explain(document, "server")])
    declaration = Declaration(name=name, spec=spec)
    try:
        check(declaration, servers_own=False)
    except DeclarationError as error:
        message, _, hint = str(error).partition("\n  hint: ")
        raise InvalidDeclarationError([(".".join(error.path), message, hint)]) from error
    return declaration


def _fault(violation: Violation) -> tuple[str, str, str]:
    return ".".join(map(str, violation.path[2:])) or "name", violation.message, violation.hint


def _not_here(connection: Connection, name: str) -> Exception:
    if name in sources.names(connection):
        return ConflictError(
            f"source {name} is declared by the server's own configuration\n  hint: change it there, in chronoverse.yaml"
        )
    return UnknownError(f"there is no source {name}")
