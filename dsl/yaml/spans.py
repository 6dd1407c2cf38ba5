"""Where a node stands in its file."""

from yaml import Node

from dsl.diagnostics import Span
from dsl.yaml.source import Source


def node_span(source: Source, node: Node) -> Span:
    """Return the span of a node, or of its first line when it has several."""
    start, end = node.start_mark, node.end_mark
    line, column = start.line + 1, start.column + 1
    if end.line == start.line:
        return Span(line, column, line, max(end.column + 1, column + 1))
    text = source.line(line)
    return Span(line, column, line, max(len(text.rstrip()) + 1, column + 1))
