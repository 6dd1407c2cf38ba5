"""Namespaces that a source may use: a check against what whoever runs the server allows it, made at sync."""

from collections.abc import Iterator, Sequence

import msgspec

from dsl.diagnostics import Diagnostic, Fault, Span, diagnostic, in_order
from dsl.loader import LoadResult

BELOW = ".*"


def allows(patterns: Sequence[str], namespace: str) -> bool:
    """Whether a namespace is among those of the patterns: `data`, or `data.*` for it and all beneath. None: any is."""
    return not patterns or any(_fits(pattern, namespace) for pattern in patterns)


def refuse_foreign(loaded: LoadResult, patterns: Sequence[str]) -> LoadResult:
    """Return the result without the workflows of files that have one in another namespace, and say which."""
    found = list(_foreign(loaded, patterns))
    if not found:
        return loaded
    refused = {item.file for item in found}
    return msgspec.structs.replace(
        loaded,
        workflows=tuple(item for item in loaded.workflows if item.file not in refused),
        diagnostics=in_order([*loaded.diagnostics, *found]),
        refused=loaded.refused | refused,
    )


def _foreign(loaded: LoadResult, patterns: Sequence[str]) -> Iterator[Diagnostic]:
    for item in loaded.workflows:
        namespace = item.workflow.namespace
        if not allows(patterns, namespace):
            message = f"this source may not use the namespace '{namespace}'"
            place = Span(item.line, 1, item.line, 2)
            yield diagnostic(Fault("E0524", message, place, f"it may use: {', '.join(patterns)}"), item.file)


def _fits(pattern: str, namespace: str) -> bool:
    if not pattern.endswith(BELOW):
        return namespace == pattern
    above = pattern.removesuffix(BELOW)
    return namespace == above or namespace.startswith(f"{above}.")
