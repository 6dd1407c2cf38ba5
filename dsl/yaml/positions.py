"""Where the n-th code point of a scalar's value was written, for all five scalar styles.

Each style's reader walks the source as libyaml does and notes the index from which every code point of the value came.
If the walk does not arrive at the value that the parser found, the whole scalar is the answer.
"""

import re
from typing import Final

from yaml import ScalarNode

from dsl.diagnostics import Span
from dsl.yaml.block_positions import block_map
from dsl.yaml.flow_positions import double, flow_map, plain, single
from dsl.yaml.marks import Mapped
from dsl.yaml.source import Source
from dsl.yaml.spans import node_span

_PROPERTIES: Final = re.compile(r"(?:[&!]\S*(?:\s+(?:#[^\r\n]*)?)*)*")


def text_span(source: Source, node: ScalarNode, offset: int, length: int) -> Span:
    """Return the place of `length` code points at `offset` of a scalar's value; of the scalar if it cannot be told."""
    mapped = value_map(source, node)
    if mapped is None:
        return node_span(source, node)
    indexes = [*mapped.indexes, mapped.end]
    first = indexes[min(offset, len(indexes) - 1)]
    last = indexes[min(offset + max(length, 1), len(indexes)) - 1]
    return source.span(first, max(last, first) + 1)


def value_map(source: Source, node: ScalarNode) -> Mapped | None:
    """Return the source index of every code point of a scalar's value, or None if the walk differs from the value."""
    text, end = source.text, int(node.end_mark.index)
    start = _content_start(text, int(node.start_mark.index), end)
    if node.style in {"|", ">"}:
        mapped = block_map(text, start, end, node.value, folded=node.style == ">")
    elif node.style == "'":
        mapped = flow_map(text, start + 1, end - 1, single)
    elif node.style == '"':
        mapped = flow_map(text, start + 1, end - 1, double)
    else:
        mapped = flow_map(text, start, end, plain)
    return mapped if mapped.text == node.value else None


def _content_start(text: str, start: int, end: int) -> int:
    match = _PROPERTIES.match(text, start, end)
    return match.end() if match else start
