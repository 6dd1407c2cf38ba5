"""Whether a document has the shape that the JSON Schema asks for, and if not, why not."""

from typing import Any

from dsl.syntax.gate import is_valid, published
from dsl.syntax.prune import prune
from dsl.syntax.runner_kinds import runner_kinds
from dsl.syntax.violations import Violation

__all__ = ["Violation", "explain", "is_valid", "prune", "published", "runner_kinds"]


def explain(document: Any, schema: str = "workflow") -> list[Violation]:
    """Return every violation of a schema in a document, in the words of its author."""
    from dsl.syntax.explanation import explain as explain_slowly  # noqa: PLC0415 - good files never need jsonschema

    return explain_slowly(document, schema)
