"""Children and upstream workflows that are nowhere."""

from collections.abc import Iterator
from typing import Final

from dsl.diagnostics import Diagnostic, Span
from dsl.suggest import did_you_mean
from dsl.together.atlas import Atlas, Node

SUGGESTIONS_MAX: Final = 50
"""Names that a suggestion is looked for: where more are missing, something else is wrong."""


def existence(atlas: Atlas) -> Iterator[Diagnostic]:
    """Find children and upstream workflows that neither the files nor the engine have."""
    search = _Search(atlas)
    for node in atlas.own:
        for call in node.calls:
            if call.child is not None and not atlas.has(call.target):
                code, message = ("W0511", "is not among these files") if atlas.offline else ("E0510", "does not exist")
                yield _fault(search, node, (code, f"the child workflow '{call.target}' {message}"), call.child.place)
        for target, upstream in node.upstreams:
            if upstream is not None and not atlas.has(target):
                code, message = ("W0521", "is not among these files") if atlas.offline else ("E0520", "does not exist")
                yield _fault(search, node, (code, f"the upstream workflow '{target}' {message}"), upstream.place)


def _fault(search: "_Search", node: Node, said: tuple[str, str], place: Span) -> Diagnostic:
    target = said[1].split("'")[1]
    return node.fault(*said, place, search.hint(node.name.partition("/")[0], target))


class _Search:
    """Names like those that are missing; each is looked for once, among those of its namespace."""

    def __init__(self, atlas: Atlas) -> None:
        self._offline = atlas.offline
        self._by_namespace: dict[str, list[str]] = {}
        for name in atlas.nodes:
            namespace, _, short = name.partition("/")
            self._by_namespace.setdefault(namespace, []).append(short)
        self._hints: dict[tuple[str, str], str] = {}

    def hint(self, home: str, target: str) -> str:
        """Return what to do about a missing target that is named from a workflow in the namespace `home`."""
        if (home, target) not in self._hints:
            self._hints[home, target] = self._look(home, target)
        return self._hints[home, target]

    def _look(self, home: str, target: str) -> str:
        otherwise = "check it together with the files that it is in" if self._offline else "add its file to the source"
        if len(self._hints) >= SUGGESTIONS_MAX:
            return otherwise
        namespace, _, short = target.partition("/")
        prefix = "" if namespace == home else f"{namespace}/"
        others = [namespace for namespace, names in self._by_namespace.items() if short in names]
        if others:
            return f"did you mean '{min(others)}/{short}'?"
        return did_you_mean(f"{prefix}{short}", (f"{prefix}{each}" for each in self._near(namespace)), otherwise)

    def _near(self, namespace: str) -> list[str]:
        return self._by_namespace.get(namespace, [])
