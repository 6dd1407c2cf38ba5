"""Secrets: a workflow reads those that it names, and names those that it reads."""

import re
from collections.abc import Iterator
from typing import Any, Final

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.expressions import split_template
from dsl.stages import STAGES
from dsl.suggest import did_you_mean
from dsl.syntax import runner_kinds
from dsl.syntax.violations import Path

_HOLDERS: Final = frozenset({"env", "container", "http", "heartbeat"})
_NAME: Final = re.compile(r"(?<![\w.])secrets\s*\.\s*([A-Za-z_]\w*)")
_USE: Final = re.compile(r"\bsecrets\s*\.\s*(\w+)|\b(?:secret|registry)\b[\"']?\s*:\s*[\"']?(\w+)")


def secret_names(subject: Subject) -> Iterator[Fault]:
    """Find secrets that are named and not declared, and those that are declared and not named."""
    if "secret" not in subject.text and "registry" not in subject.text:
        return
    for path, text in _templates(subject.value, ()):
        if _holds_secrets(path):
            for name, offset in _named(text):
                yield from _undeclared(subject, name, path, offset)
    for path, name in _names_alone(subject):
        yield from _undeclared(subject, name, path, 0)
    yield from _unused(subject)


def _undeclared(subject: Subject, name: str, path: Path, offset: int) -> Iterator[Fault]:
    declared = subject.declared_secrets(path)
    if name not in declared and "secrets." not in subject.doubtful:
        hint = did_you_mean(name, declared, f"declare it: secrets: [{name}]")
        yield subject.inside("E0340", f"the secret '{name}' is not declared", path, (offset, len(name)), hint)


def _holds_secrets(path: Path) -> bool:
    """Whether a task may read secrets there. What the engine reads itself, for notifications, needs no declaration."""
    return path[0] == "env" or (path[0] in STAGES and (path[2] in _HOLDERS or path[2] in runner_kinds().schemas))


def _names_alone(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Give the fields that are the name of a secret which a task needs. A webhook's is the engine's."""
    for task in subject.tasks:
        if "registry" in task.block.get("container", ()):
            yield (*task.path, "container", "registry"), task.block["container"]["registry"]


def _unused(subject: Subject) -> Iterator[Fault]:
    """Look at the text, so that a use in a misshapen part counts as one."""
    used = {match[1] or match[2] for match in _USE.finditer(subject.text)}
    lists: list[tuple[Path, Any]] = [(("secrets",), subject.value.get("secrets", ()))]
    lists += [((*task.path, "secrets"), task.block.get("secrets", ())) for task in subject.tasks]
    for path, names in lists:
        for number, name in enumerate(names):
            if name not in used:
                message = f"the secret '{name}' is declared and used nowhere"
                hint = f"hand it on: env: {{{name}: ${{{{ secrets.{name} }}}}}}, or remove it"
                yield subject.at_value("W0342", message, (*path, number), hint)


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
