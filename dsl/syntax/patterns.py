"""`pattern` as ECMA 262 defines it: `$` is the end of the text, not also the place before a final line feed."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema.exceptions import ValidationError


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    ended = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    return re.compile(ended)


def check_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Yield an error if `instance` is text that does not match; the signature is jsonschema's."""
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")
