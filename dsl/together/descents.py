"""What shows on the way down from a workflow through its children: how deep it goes, and which locks it meets again."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from dsl.diagnostics import Diagnostic
from dsl.together.atlas import Atlas, Node

DEPTH_MAX: Final = 10
"""How many runs may stand above a child run; the engine starts no deeper one."""


class Below(NamedTuple):
    """What lies below a workflow: how many runs deep, and the locks that it and the children waited for take."""

    depth: int = 0
    takes: frozenset[str] = frozenset()


def descents(atlas: Atlas) -> Iterator[Diagnostic]:
    """Find children that go too deep, and those that wait for a lock which those above them hold."""
    below = _below(atlas.nodes)
    for node in atlas.own:
        for call in node.calls:
            target = below.get(call.target)
            if call.child is None or target is None:
                continue
            if target.depth + 1 > DEPTH_MAX:
                message = f"child runs would go {target.depth + 1} deep, more than {DEPTH_MAX}"
                yield node.fault(
                    "E0516", message, call.child.place, "let a workflow in between start the next by a trigger"
                )
            for lock in sorted(call.held & target.takes) if call.waits else ():
                short = lock.partition("/")[2]
                message = f"'{call.target}' waits for the lock '{short}', which is held here until it has ended"
                hint = "take the lock in one of them only, or do not wait: wait: false"
                yield node.fault("E0517", message, call.child.place, hint)


def _below(nodes: Mapping[str, Node]) -> dict[str, Below]:
    """Return what lies below each workflow. Of a circle, which is a fault of its own, one step is left out."""
    found: dict[str, Below] = {}
    for start in nodes:
        active: set[str] = set()
        stack = [start]
        while stack:
            name = stack[-1]
            calls = () if name in found else nodes[name].calls
            wanted = [call.target for call in calls if call.target in nodes]
            open_ = [each for each in wanted if each not in found and each not in active and each != name]
            if open_ and name not in active:
                active.add(name)
                stack += open_
                continue
            stack.pop()
            active.discard(name)
            if name not in found:
                found[name] = _joined(nodes[name], found)
    return found


def _joined(node: Node, found: Mapping[str, Below]) -> Below:
    depth, takes = 0, node.takes
    for call in node.calls:
        target = found.get(call.target)
        if target is not None:
            depth = max(depth, target.depth + 1)
            takes = takes | target.takes if call.waits and not target.takes <= takes else takes
    return Below(depth, takes)
