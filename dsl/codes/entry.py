"""What is known about one code."""

from typing import NamedTuple


class Code(NamedTuple):
    """A code with its examples. `wrong` yields exactly this code, at `line` and `column`; `right` loads clean.

    `shown` stands in documents for an example that is too large, or not text; `right` may be empty where no file is
    the answer. `also` are codes that the wrong example cannot do without.
    """

    code: str
    title: str
    explanation: str
    wrong: str | bytes
    line: int
    column: int
    right: str
    shown: str = ""
    also: tuple[str, ...] = ()


def workflow(body: str) -> str:
    """Return a workflow file: a name, then `body`, then a task if `body` has none."""
    tasks = "" if "tasks:" in body else "tasks:\n  hello: {run: echo hello}\n"
    return f"name: example\n{body}{tasks}"
