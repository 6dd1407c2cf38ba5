"""Secrets: a workflow reads only those that it names."""

import re
from collections.abc import Iterator
from typing import Any, Final

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.expressions import split_template
from dsl.stages import STAGES
from dsl.suggest import did_you_mean
from dsl.syntax.violations import Path

_HOLDERS: Final = frozenset({"env", "container", "http", "heartbeat"})
_NAME: Final = re.compile(r"(?<![\w.])secrets\.([A-Za-z_]\w*)")


def secret_names(subject: Subject) -> Iterator[Fault]:
    """Find expressions that name a secret which is not declared."""
    if "secrets." not in subject.text:
        return
    for path, text in _templates(subject.value, ()):
        if not _may_hold_secrets(path):
            continue
        for name, offset in _named(text):
            declared = subject.declared_secrets(path)
            if name not in declared:
                message = f"the secret '{name}' is not declared"
                hint = did_you_mean(name, declared, f"declare it: secrets: [{name}]")
                yield subject.inside("E0340", message, path, (offset, len(name)), hint)


def _may_hold_secrets(path: Path) -> bool:
    """Whether a task gets what stands there; elsewhere secrets are out of place, or read by the engine (`notify`)."""
    return path[0] == "env" or (path[0] in STAGES and path[2] in _HOLDERS)


def _named(text: str) -> Iterator[tuple[str, int]]:
    for part in split_template(text):
        if part.expression:
            for match in _NAME.finditer(part.text):
                yield match[1], part.offset + match.start(1)


def _templates(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str() if "${{" in value:
            yield path, value
        case dict():
            for key, item in value.items():
                if key != "run":
                    yield from _templates(item, (*path, key))
        case list():
            for number, item in enumerate(value):
                yield from _templates(item, (*path, number))
