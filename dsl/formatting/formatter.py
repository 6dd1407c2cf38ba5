"""Format one file's text, and prove that it still means the same."""

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from dsl.defaults.folders import is_defaults
from dsl.diagnostics import Diagnostic, Fault, diagnostic
from dsl.formatting.layout import write
from dsl.formatting.order import arrange
from dsl.formatting.reading import pages
from dsl.formatting.tree import Comment
from dsl.yaml import Document, Source, parse_documents

_NOTHING: Final = "E0016"
"""A file of comments has nothing to put in order, which is no fault here."""
_TESTS: Final = (".test.yaml", ".test.yml")


class UnsafeFormatError(Exception):
    """The result would not mean the same as what was given. The message says what would differ."""


class Formatted(NamedTuple):
    """The canonical text of a file, or what keeps it from being read; `given` is what was there, as text."""

    text: str
    given: str
    diagnostics: tuple[Diagnostic, ...] = ()


def format_text(text: bytes | str, file: str) -> Formatted:
    """Return a file's content in canonical order and layout. `file` says by its name what the file holds.

    A text that is no valid YAML comes back as it is, with its diagnostics. Raises `UnsafeFormatError` where the result
    would mean something else, or lose a comment.
    """
    given = _given(text)
    source, documents, faults = parse_documents(text)
    faults = [fault for fault in faults if fault.code != _NOTHING]
    if faults:
        return Formatted(given, given, tuple(_diagnostics(faults, file)))
    shown, comments = _written(source, _schema(file))
    _compare(documents, comments, shown, file)
    return Formatted(shown, given)


def _given(text: bytes | str) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _diagnostics(faults: Sequence[Fault], file: str) -> list[Diagnostic]:
    return [diagnostic(fault, file) for fault in faults]


def _schema(file: str) -> str:
    """Return the name of the schema that a file is held to."""
    if is_defaults(file):
        return "defaults"
    return "test" if PurePath(file).name.endswith(_TESTS) else "workflow"


def _written(source: Source, schema: str) -> tuple[str, list[Comment]]:
    found, comments = pages(source)
    for page in found:
        arrange(page.root.value, schema)
    return write(found, () if found else comments), comments


def _compare(documents: Sequence[Document], comments: Sequence[Comment], shown: str, file: str) -> None:
    source, again, faults = parse_documents(shown)
    if any(fault.code != _NOTHING for fault in faults):
        raise UnsafeFormatError(f"{file} cannot be formatted: the result would not be valid YAML")
    for number, (before, after) in enumerate(zip(documents, again, strict=False), 1):
        if _canonical(before.value) != _canonical(after.value):
            raise UnsafeFormatError(f"{file} cannot be formatted: document {number} would mean something else")
    if len(documents) != len(again):
        raise UnsafeFormatError(f"{file} cannot be formatted: it would hold another number of documents")
    if sorted(item.text for item in comments) != sorted(item.text for item in pages(source)[1]):
        raise UnsafeFormatError(f"{file} cannot be formatted: a comment would be lost")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
