"""What is wrong with a file, said once, at a place, with a stable code."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Severity(StrEnum):
    """How bad a diagnostic is: an error refuses the workflow, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Span(NamedTuple):
    """A piece of a file. Lines and columns count from 1, columns in code points; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Span(1, 1, 1, 2)
"""The beginning of a file: where a fault of the file as a whole is shown."""


class Fault(NamedTuple):
    """A diagnostic before it knows its file. `code` is registered in `dsl.codes`.

    `file` is given where the fault stands in another file than the one that is loaded: one that it takes values from.
    """

    code: str
    message: str
    span: Span
    hint: str = ""
    file: str = ""


class Diagnostic(msgspec.Struct, frozen=True):
    """One thing that is wrong. Lines and columns count from 1, columns in code points; the end is exclusive."""

    code: str
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    hint: str = ""


def severity_of(code: str) -> Severity:
    """Return the severity that a code's first letter says."""
    return Severity.WARNING if code.startswith("W") else Severity.ERROR


def diagnostic(fault: Fault, file: str) -> Diagnostic:
    """Return the fault as a diagnostic of `file`, or of the file that it names itself."""
    return Diagnostic(fault.code, severity_of(fault.code), fault.message, fault.file or file, *fault.span, fault.hint)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics by file, place and code, each once."""
    return tuple(
        sorted(dict.fromkeys(diagnostics), key=lambda d: (d.file, d.line, d.column, d.code, d.message)),
    )


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any of the diagnostics refuses its workflow."""
    return any(item.severity is Severity.ERROR for item in diagnostics)
