"""A package of somebody else's that gets it wrong in several ways."""

from typing import Any, ClassVar


def untyped(config: object) -> None:
    """Offer nothing here, and say nothing of a schema."""


class Remote:
    """A kind whose schema leads elsewhere."""

    schema: ClassVar[dict[str, Any]] = {"$ref": "https://example.org/schema.json"}
