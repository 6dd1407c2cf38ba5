"""What the language has and this version's engine does not carry out yet.

This table is the only place that knows; an entry goes when the engine learns it. `*` stands for any key or item.
"""

from collections.abc import Iterator
from typing import Any, Final

from dsl.syntax.violations import Path, Violation

NOT_SUPPORTED_YET: Final[tuple[tuple[str, ...], ...]] = (
    ("moved",),
    ("secrets",),
    ("locks",),
    ("slots",),
    ("max_consecutive_failures",),
    ("on_failure",),
    ("on_success",),
    ("finally",),
    ("notify",),
    ("triggers", "*", "webhook"),
    ("triggers", "*", "workflow"),
    ("tasks", "*", "workflow"),
    ("tasks", "*", "approval"),
    ("tasks", "*", "matrix"),
    ("tasks", "*", "for_each"),
    ("tasks", "*", "max_parallel"),
    ("tasks", "*", "fail_fast"),
    ("tasks", "*", "repeat"),
    ("tasks", "*", "cache"),
    ("tasks", "*", "secrets"),
    ("tasks", "*", "artifacts"),
    ("tasks", "*", "locks"),
    ("tasks", "*", "slots"),
    ("tasks", "*", "container", "registry"),
)


def not_supported(document: dict[str, Any]) -> list[Violation]:
    """Return what a document uses of the table."""
    return [_violation(path) for pattern in NOT_SUPPORTED_YET for path in _matches(document, pattern, ())]


def _violation(path: Path) -> Violation:
    message = f"'{path[-1]}' is not supported by this version yet"
    return Violation("E0901", message, path, "leave it out until the engine can carry it out", at_key=True)


def _matches(value: Any, pattern: tuple[str, ...], path: Path) -> Iterator[Path]:
    if not pattern:
        yield path
    elif pattern[0] != "*":
        if isinstance(value, dict) and pattern[0] in value:
            yield from _matches(value[pattern[0]], pattern[1:], (*path, pattern[0]))
    else:
        for key, item in _items(value):
            yield from _matches(item, pattern[1:], (*path, key))


def _items(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
