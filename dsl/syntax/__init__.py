"""Whether a document has the shape that the JSON Schema asks for, and if not, why not."""

from dsl.syntax.explain import explain
from dsl.syntax.gate import is_valid
from dsl.syntax.prune import prune
from dsl.syntax.violations import Violation

__all__ = ["Violation", "explain", "is_valid", "prune"]
