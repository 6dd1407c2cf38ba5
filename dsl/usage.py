"""Which inputs a workflow makes use of."""

import re
from collections.abc import Iterator
from typing import Any, Final

_NAMED: Final = re.compile(r"\binputs\.([a-z_][a-z0-9_]*)")


def used_inputs(document: dict[str, Any]) -> frozenset[str]:
    """Return the names that anything in the document may use as `inputs.NAME`; a few too many rather than too few.

    An input that nothing uses is of interest to people and other programs only: it may be left out of a run.
    """
    return frozenset(name for text in _texts(document) for name in _NAMED.findall(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
