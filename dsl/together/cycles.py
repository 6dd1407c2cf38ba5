"""Workflows that start each other without end: as children, or by triggers on each other's ends."""

from collections.abc import Iterator, Mapping, Sequence

from dsl.diagnostics import Diagnostic, Span
from dsl.together.atlas import Atlas, Node

Edges = Mapping[str, Sequence[str]]


def child_cycles(atlas: Atlas) -> Iterator[Diagnostic]:
    """Find workflows that are children of themselves, at every place of the files that is part of it."""
    edges = {name: [call.target for call in node.calls] for name, node in atlas.nodes.items()}
    for cycle in cycles(edges):
        yield from _told(atlas, cycle, "E0515", "child workflows start each other without end")


def trigger_cycles(atlas: Atlas) -> Iterator[Diagnostic]:
    """Find workflows that the end of one another triggers, be it by way of children, as `child_cycles` does."""
    edges = {name: [call.target for call in node.calls] for name, node in atlas.nodes.items()}
    for name, node in atlas.nodes.items():
        for upstream in {upstream for upstream, _ in node.upstreams} & edges.keys():
            edges[upstream].append(name)
    for cycle in cycles(edges):
        if any(not atlas.nodes[name].starts(following) for name, following in _steps(cycle)):
            yield from _told(atlas, cycle, "E0522", "workflows trigger each other without end")


def _told(atlas: Atlas, cycle: Sequence[str], code: str, message: str) -> Iterator[Diagnostic]:
    for number, (name, following) in enumerate(_steps(cycle)):
        round_trip = [*cycle[number:], *cycle[:number], name]
        text = f"{message}: {_shown(round_trip)}"
        for node, place in _places(atlas.nodes[name], atlas.nodes[following]):
            if node.member is not None:
                yield node.fault(code, text, place, "take one of them out of the circle")


def _steps(cycle: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(cycle, [*cycle[1:], *cycle[:1]], strict=True)


def _places(first: Node, second: Node) -> Iterator[tuple[Node, Span]]:
    """Give where the files say that the first starts the second: as its child, else by a trigger of the second."""
    child = next((call.child for call in first.calls if call.target == second.name and call.child is not None), None)
    if child is not None:
        yield first, child.place
        return
    said = next((said for name, said in second.upstreams if name == first.name and said is not None), None)
    if said is not None:
        yield second, said.place


def _shown(names: Sequence[str], most: int = 8) -> str:
    if len(names) > most:
        names = [*names[: most - 1], "…", names[-1]]
    return " -> ".join(names)


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
