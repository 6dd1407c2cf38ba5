"""Small values that stand in several places."""

from typing import Any

from dsl.durations import parse_duration


def seconds(text: str | None) -> float | None:
    """Return a duration in seconds, or None for none."""
    return None if text is None else parse_duration(text)


def as_text(value: Any) -> str:
    """Return a scalar as text: booleans as YAML and JSON write them, other values as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def texts(values: dict[str, Any]) -> dict[str, str]:
    """Return a map of scalars as a map of text."""
    return {name: value if isinstance(value, str) else as_text(value) for name, value in values.items()}
