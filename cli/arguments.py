"""Arguments that several commands take: a workflow's name, inputs, labels."""

import json
import uuid
from typing import Any, Final

import click

DEFAULT_NAMESPACE: Final = "default"


class WorkflowParam(click.ParamType[tuple[str, str]]):
    """`NAMESPACE/NAME`, or `NAME` in the namespace `default`."""

    name = "workflow"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return namespace and name."""
        if isinstance(value, tuple):
            return value
        namespace, slash, name = str(value).rpartition("/")
        if not name or "/" in namespace or (slash and not namespace):
            self.fail(f"{value!r} does not name a workflow: write NAMESPACE/NAME, or NAME", param, ctx)
        return namespace or DEFAULT_NAMESPACE, name


class PairParam(click.ParamType[tuple[str, str]]):
    """`KEY=VALUE`."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return key and value."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key:
            self.fail(f"{value!r} is not KEY=VALUE", param, ctx)
        return key, text


class RevisionParam(click.ParamType[int | str]):
    """`latest`, `original`, or a revision's number."""

    name = "latest|original|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return a word, or a number."""
        text = str(value)
        if text in {"latest", "original"}:
            return text
        if not text.isascii() or not text.isdecimal() or int(text) < 1:
            self.fail(f"{text!r} is not a revision: write latest, original, or its number", param, ctx)
        return int(text)


WORKFLOW: Final = WorkflowParam()
REVISION: Final = RevisionParam()
PAIR: Final = PairParam()


def input_values(pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return inputs by name. A value that is JSON (a number, true, a list, an object) is that; any other is text."""
    return {name: _value(text) for name, text in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def is_run_id(text: str) -> bool:
    """Whether an argument is a run's id."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
