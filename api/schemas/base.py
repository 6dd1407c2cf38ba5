"""The base of every answer, and of every request's body."""

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what the API gives. Times are RFC 3339, in UTC."""


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what the API takes: a field that is not known is a fault, never ignored."""
