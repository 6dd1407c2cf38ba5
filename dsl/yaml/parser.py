"""From text to nodes: PyYAML's C parser, held to the limits while it works.

`compose` in C calls back for each node it enters, so a deep or huge file is given up before it costs anything.
"""

from typing import Any, Final

from yaml import MarkedYAMLError, Node
from yaml.composer import ComposerError
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs hide the C class
from yaml.error import Mark, YAMLError

from dsl.diagnostics import START, Fault, Span
from dsl.limits import DEPTH_MAX, NODES_MAX
from dsl.yaml.source import Source

_TAB_PROBLEM: Final = "found character that cannot start any token"
_HINTS: Final = {
    "mapping values are not allowed in this context": "quote the value if it holds ': '",
    "did not find expected key": "check the indentation, and quote values that begin with a special character",
    "did not find expected ',' or ']'": "a '[' is not closed",
    "did not find expected ',' or '}'": "a '{' is not closed",
    "found unexpected end of stream": "a quote or bracket is not closed",
    "could not find expected ':'": "a key needs ': ' and a value",
}


class LimitError(Exception):
    """The file is nested too deep or has too many values."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Composer(CParser):
    """Composes nodes; a node's tag is what the parser knows of it, not yet a type.

    A scalar's tag is `(True, …)` when plain and without a tag, `(False, …)` when quoted; a collection's is True.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0

    def resolve(self, _kind: type[Node], _value: Any, implicit: Any) -> Any:
        return implicit

    def descend_resolver(self, _parent: Node | None, _index: Any) -> None:
        self._depth += 1
        self._nodes += 1
        if self._depth > DEPTH_MAX + 1:
            raise LimitError("E0008", f"the file is nested deeper than {DEPTH_MAX}")
        if self._nodes > NODES_MAX:
            raise LimitError("E0009", f"the file has more than {NODES_MAX:,} values")

    def ascend_resolver(self) -> None:
        self._depth -= 1


def parse(source: Source) -> tuple[list[Node], Fault | None]:
    """Return the nodes of all documents up to the first fault, and that fault. Never raises on any text."""
    roots: list[Node] = []
    composer: Any = _Composer(source.text)
    try:
        while composer.check_node():
            roots.append(composer.get_node())
    except LimitError as error:
        return [], Fault(error.code, str(error), START, "split it, or let the workflow compute it")
    except YAMLError as error:
        return roots, _syntax_fault(error, source)
    return roots, None


def _syntax_fault(error: YAMLError, source: Source) -> Fault:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Fault("E0003", f"not valid YAML: {error}", START)
    problem = error.problem or "unexpected text"
    span = _at(error.problem_mark)
    if isinstance(error, ComposerError) and "alias" in problem:
        name = source.line(span.line)[span.column :].split(" ")[0].rstrip(",]}")
        return Fault("E0015", f"alias '*{name}' has no anchor before it", span, f"anchor a value with '&{name}'")
    if problem == _TAB_PROBLEM and source.line(span.line)[span.column - 1 : span.column] == "\t":
        return Fault("E0004", "a tab cannot be used for indentation", span, "indent with spaces")
    return Fault("E0003", f"not valid YAML: {_sentence(error, problem)}", span, _HINTS.get(problem, ""))


def _sentence(error: MarkedYAMLError, problem: str) -> str:
    if error.context and error.context_mark is not None:
        return f"{problem} ({error.context} that begins at line {error.context_mark.line + 1})"
    return problem


def _at(mark: Mark) -> Span:
    return Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
