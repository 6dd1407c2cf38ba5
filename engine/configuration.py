"""The server's configuration file: what it declares, checked as strictly as a workflow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.diagnostics import START, Diagnostic, Fault, Span, diagnostic, in_order
from dsl.loader import LoadResult
from dsl.render import render
from dsl.syntax import explain, is_valid
from dsl.yaml import Document, parse_documents
from engine.sync.declarations import Declaration, DeclarationError, check

NAME: Final = "chronoverse.yaml"
_SCHEMA: Final = "server"
_NOTHING: Final = "E0016"
"""A file of comments declares nothing, which is no fault."""


class ConfigurationError(Exception):
    """The configuration file has faults; the message shows each at its place."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file declares."""

    sources: tuple[Declaration, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    text: str = ""

    def rendered(self, style: str = "text") -> str:
        """Return the diagnostics as `chronoverse validate` shows them."""
        sources = {item.file: self.text for item in self.diagnostics}
        return render(LoadResult(workflows=(), diagnostics=self.diagnostics, sources=sources), style)


def read_configuration(path: Path) -> Configuration:
    """Return what a file declares. Raises `ConfigurationError` for one that has faults or cannot be read."""
    try:
        found = check_configuration(path.read_bytes(), str(path))
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(f"{path} cannot be read: {why}\n  hint: see CHRONOVERSE_CONFIG") from error
    if found.diagnostics:
        raise ConfigurationError(f"{path} has faults\n{found.rendered()}")
    return found


def check_configuration(text: bytes, file: str) -> Configuration:
    """Return what a file's content declares, and what is wrong with it. Never raises."""
    source, documents, faults = parse_documents(text)
    faults = [item for item in faults if item.code != _NOTHING]
    declared: list[Declaration] = []
    if documents and not faults:
        document, *others = documents
        faults += [Fault("E0103", "a configuration is one map", item.value_span(()), "remove `---`") for item in others]
        faults += [_placed(document, item) for item in _violations(document.value)]
        if not faults:
            declared = [_declared(document, file, name) for name in document.value.get("sources", {})]
            faults += [fault for item in declared for fault in _faults(document, item)]
    found = in_order(diagnostic(item, file) for item in faults)
    return Configuration(() if found else tuple(declared), found, source.text)


def _violations(value: Any) -> list[Any]:
    return [] if is_valid(value, _SCHEMA) else explain(value, _SCHEMA)


def _placed(document: Document, violation: Any) -> Fault:
    place = document.key_span if violation.at_key else document.value_span
    return Fault(violation.code, violation.message, place(violation.path), violation.hint)


def _declared(document: Document, file: str, name: str) -> Declaration:
    line = _span(document, ("sources", name)).line
    return Declaration(name=name, spec=document.value["sources"][name], place=f"{file}:{line}")


def _faults(document: Document, declaration: Declaration) -> list[Fault]:
    try:
        check(declaration, servers_own=True)
    except DeclarationError as error:
        message, _, hint = str(error).partition("\n  hint: ")
        return [Fault("E0105", message, _span(document, ("sources", declaration.name, *error.path)), hint)]
    return []


def _span(document: Document, path: tuple[str, ...]) -> Span:
    """Return the place of a field, or of what would hold it."""
    value: Any = document.value
    for depth, step in enumerate(path):
        if not isinstance(value, dict) or step not in value:
            return document.key_span(path[:depth]) if depth else START
        value = value[step]
    return document.key_span(path)
