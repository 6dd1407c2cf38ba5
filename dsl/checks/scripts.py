"""Expressions in scripts: refused, since what they give would become code."""

import re
from collections.abc import Iterator
from typing import Final

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault

_EXPRESSION: Final = re.compile(r"(?<!\$)\$\{\{(.*?)(\}\}|$)", re.DOTALL)
_LAST_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[^A-Za-z0-9_]*$")


def scripts(subject: Subject) -> Iterator[Fault]:
    """Find `${{ }}` in `run`."""
    for task in subject.tasks:
        text = task.block.get("run", "")
        for match in _EXPRESSION.finditer(text):
            place = (match.start(), match.end() - match.start())
            message = "an expression in a script would become code"
            yield subject.inside("E0332", message, (*task.path, "run"), place, _hint(match[1].strip()))


def _hint(expression: str) -> str:
    found = _LAST_NAME.search(expression)
    name = found[1].upper() if found else "VALUE"
    return f'write env: {{{name}: "${{{{ {expression} }}}}"}} and use "${name}" in the script'
