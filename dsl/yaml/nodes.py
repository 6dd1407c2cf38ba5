"""Questions about PyYAML's nodes as `dsl.yaml.parser` composes them."""

from collections.abc import Iterator
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode


def is_plain(node: ScalarNode) -> bool:
    """Return whether a scalar has neither quotes nor a tag, so that its text decides its type."""
    known: Any = node.tag
    return isinstance(known, tuple) and bool(known[0])


def is_merge(key: Node) -> bool:
    """Return whether a key is the merge key `<<`."""
    return isinstance(key, ScalarNode) and key.value == "<<" and is_plain(key)


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes right below a node, keys included."""
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value


def find_cycle(root: Node) -> Node | None:
    """Return a node that contains itself through an alias, or None. Takes time linear in the file's own nodes."""
    done: set[int] = set()
    active: set[int] = {id(root)}
    stack: list[tuple[Node, Iterator[Node]]] = [(root, children(root))]
    while stack:
        node, rest = stack[-1]
        child = next(rest, None)
        if child is None:
            stack.pop()
            active.discard(id(node))
            done.add(id(node))
        elif id(child) in active:
            return child
        elif id(child) not in done and not isinstance(child, ScalarNode):
            active.add(id(child))
            stack.append((child, children(child)))
    return None


def entry(node: MappingNode, key: str) -> tuple[Node, Node] | None:
    """Return the key's and value's nodes of an entry, found among the map's own keys and then its merged ones."""
    for key_node, value_node in node.value:
        if isinstance(key_node, ScalarNode) and key_node.value == key and not is_merge(key_node):
            return key_node, value_node
    for key_node, value_node in node.value:
        found = _merged_entry(value_node, key) if is_merge(key_node) else None
        if found is not None:
            return found
    return None


def _merged_entry(node: Node, key: str) -> tuple[Node, Node] | None:
    parts: list[Any] = node.value if isinstance(node, SequenceNode) else [node]
    for part in parts:
        found = entry(part, key) if isinstance(part, MappingNode) else None
        if found is not None:
            return found
    return None
