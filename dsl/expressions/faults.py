"""What can be wrong with an expression, and where inside the text."""

from dataclasses import dataclass, replace
from typing import Final

SYNTAX: Final = "E0401"
UNKNOWN_NAME: Final = "E0402"
WRONG_CONTEXT: Final = "E0403"
UNKNOWN_FUNCTION: Final = "E0404"
WRONG_TYPE: Final = "E0405"
NOT_UPSTREAM: Final = "E0406"
WRAPPED_CONDITION: Final = "E0407"
UNTERMINATED: Final = "E0408"
WRONG_RESULT: Final = "E0409"
TOO_LARGE: Final = "E0410"


@dataclass(frozen=True, slots=True)
class ExpressionFault:
    """One fault. `offset` and `length` count code points of the text that was given."""

    code: str
    message: str
    offset: int
    length: int
    hint: str = ""

    def moved(self, by: int) -> "ExpressionFault":
        """Return the fault as it lies in a text in which this one begins at `by`."""
        return replace(self, offset=self.offset + by)
