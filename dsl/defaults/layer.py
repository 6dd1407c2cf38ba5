"""One `_defaults.yaml`: what a folder gives to the workflows beneath it, or what is wrong with it."""

import hashlib
from typing import Any, Final, NamedTuple

from dsl.diagnostics import Diagnostic, Fault, diagnostic, has_errors
from dsl.syntax import Violation, explain, is_valid, prune
from dsl.yaml import Document, parse_documents

NAME: Final = "_defaults.yaml"
"""The file's name; other spellings are other files."""
_SCHEMA: Final = "defaults"
_NOTHING: Final = "E0016"
"""A file of comments gives nothing, which is no fault."""


class Layer(NamedTuple):
    """What one defaults file gives. `value` is without its faulty parts; `document` is None where there is none.

    `readable` says that the file is known whole, but for the parts that its diagnostics name.
    """

    file: str
    text: str
    document: Document | None = None
    value: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default; never written to
    diagnostics: tuple[Diagnostic, ...] = ()
    readable: bool = True

    @property
    def digest(self) -> str:
        """SHA-256 of the text, and whether it could be read: what workflows beneath it rest on."""
        return hashlib.sha256(f"{self.readable} {self.text}".encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def faulty(self) -> bool:
        """Whether it has an error, so that no workflow beneath it can be loaded."""
        return has_errors(self.diagnostics)


def load_layer(text: bytes | str, file: str) -> Layer:
    """Load a defaults file's content. `file` is shown in diagnostics. Never raises."""
    source, documents, faults = parse_documents(text)
    faults = [item for item in faults if item.code != _NOTHING]
    if faults:
        found = tuple(diagnostic(item, file) for item in faults)
        return Layer(file, source.text, diagnostics=found, readable=False)
    if not documents:
        return Layer(file, source.text)
    document, *others = documents
    faults = [_second(item) for item in others[:1]]
    violations = _violations(document.value)
    faults += [_placed(document, item) for item in violations]
    found = tuple(diagnostic(item, file) for item in faults)
    if not isinstance(document.value, dict):
        return Layer(file, source.text, diagnostics=found, readable=False)
    value = prune(document.value, [item.path for item in violations if item.pruned])
    return Layer(file, source.text, document, value, found)


def unreadable(found: Diagnostic) -> Layer:
    """Return the layer of a file that cannot be read, as the diagnostic says."""
    return Layer(found.file, "", diagnostics=(found,), readable=False)


def _violations(value: Any) -> list[Violation]:
    return [] if is_valid(value, _SCHEMA) else explain(value, _SCHEMA)


def _placed(document: Document, violation: Violation) -> Fault:
    place = document.key_span if violation.at_key else document.value_span
    return Fault(violation.code, violation.message, place(violation.path), violation.hint)


def _second(document: Document) -> Fault:
    message = "a defaults file holds one document, and this is another"
    return Fault("E0501", message, document.value_span(()), "put both into one, or into folders of their own")
