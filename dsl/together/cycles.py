"""Workflows that start each other without end: as children, or by triggers on each other's ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from dsl.diagnostics import Diagnostic, Span
from dsl.together.atlas import Atlas, Node

Edges = Mapping[str, Sequence[str]]


def child_cycles(atlas: Atlas) -> Iterator[Diagnostic]:
    """Find workflows that are children of themselves, at every place of the files that is part of it."""
    edges = {name: [call.target for call in node.calls] for name, node in atlas.nodes.items()}
    yield from _told(atlas, edges, "E0515", "child workflows start each other without end", _child_place)


def trigger_cycles(atlas: Atlas) -> Iterator[Diagnostic]:
    """Find workflows whose ends trigger each other, at every place of the files that is part of it."""
    edges = {name: [target for target, _ in node.upstreams] for name, node in atlas.nodes.items()}
    yield from _told(atlas, edges, "E0522", "workflows trigger each other without end", _trigger_place)


def _told(
    atlas: Atlas, edges: Edges, code: str, message: str, place_of: Callable[[Node, str], Span | None]
) -> Iterator[Diagnostic]:
    for cycle in cycles(edges):
        for number, name in enumerate(cycle):
            node, following = atlas.nodes[name], cycle[(number + 1) % len(cycle)]
            place = place_of(node, following)
            if node.member is not None and place is not None:
                round_trip = [*cycle[number:], *cycle[:number], name]
                yield node.fault(code, f"{message}: {_shown(round_trip)}", place, "take one of them out of the circle")


def _shown(names: Sequence[str], most: int = 8) -> str:
    if len(names) > most:
        names = [*names[: most - 1], "…", names[-1]]
    return " -> ".join(names)


def _child_place(node: Node, target: str) -> Span | None:
    places = (call.child.place for call in node.calls if call.target == target and call.child is not None)
    return next(places, None)


def _trigger_place(node: Node, target: str) -> Span | None:
    return next((said.place for name, said in node.upstreams if name == target and said is not None), None)


def cycles(edges: Edges) -> Iterator[list[str]]:
    """Give cycles that have no node in common, at least one wherever there is any, in the order of the names.

    Takes time linear in nodes and edges: a depth-first walk that forgets the nodes of a cycle once it is found.
    """
    done: set[str] = set()
    for start in edges:
        trail: dict[str, Iterator[str]] = {} if start in done else {start: iter(edges[start])}
        while trail:
            name, rest = next(reversed(trail.items()))
            step = next(rest, None)
            if step is None:
                done.add(name)
                del trail[name]
            elif step in trail:
                found = [trail.popitem()[0]]
                while found[-1] != step:
                    found.append(trail.popitem()[0])
                done.update(found)
                yield found[::-1]
            elif step in edges and step not in done:
                trail[step] = iter(edges[step])
