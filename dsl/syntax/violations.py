"""What the explanation of a schema violation consists of, and the words it uses."""

from typing import Any, Final, NamedTuple

Path = tuple[str | int, ...]


class Violation(NamedTuple):
    """One violation. `path` leads to the value, or to the key when `at_key`; `pruned` is what checks must not see."""

    code: str
    message: str
    path: Path
    hint: str = ""
    at_key: bool = False
    pruned: bool = True


class Breach(NamedTuple):
    """One keyword of the schema that a value breaks: what jsonschema reports, with plain types.

    `wanted` is the keyword's value; `of_key` says that the value is a key of the map at `path`; `because` is the field
    whose presence brought the keyword in, if one did.
    """

    keyword: str
    wanted: Any
    value: Any
    schema: dict[str, Any]
    path: Path
    of_key: bool
    because: str

    @property
    def title(self) -> str:
        """The title of the schema that holds the keyword, or nothing."""
        return str(self.schema.get("title", ""))

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that the schema knows."""
        fields: dict[str, Any] = self.schema.get("properties", {})
        return fields


_TYPE_NAMES: Final = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_SHOWN_MAX: Final = 60


def type_name(kind: str) -> str:
    """Return what a person calls a JSON type."""
    return _TYPE_NAMES[kind]


def found_name(value: Any) -> str:
    """Return what a value is, for a person."""
    match value:
        case bool():
            return f"'{str(value).lower()}'"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case None:
            return "nothing"
        case list():
            return "a list"
        case _:
            return "a map"


def shown(value: Any) -> str:
    """Return a value in quotes, cut where it is long."""
    text = found_name(value) if isinstance(value, bool | dict | list | None) else f"'{value}'"
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…'"
