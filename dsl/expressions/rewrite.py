"""From the names of a workflow to the numbered variables that every expression shares, offsets kept.

`tasks.extract.outputs.rows > 0` becomes `_i0                        > 0`: a variable of the right type, padded to the
same length, so that a column of CEL's is a column of the file, and one environment serves all workflows.
`has(inputs.day)` becomes a boolean variable, since CEL's own `has` looks only at members of maps.
"""

import re
from dataclasses import dataclass
from typing import Final

from dsl.expressions.engine import SLOTS, slot_name
from dsl.expressions.faults import SYNTAX, TOO_LARGE, ExpressionFault
from dsl.expressions.scan import Name, names
from dsl.expressions.scope import Known, Scope

CHARACTERS_MAX: Final = 20_000
_RESERVED: Final = re.compile(r"\b_[a-z]\d+\b")
_HAS_BEFORE: Final = re.compile(r"\bhas\s*\(\s*$")
_HAS_AFTER: Final = re.compile(r"\s*\)")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The shared form of an expression. `variables` says what each variable stands for, and of which type it is."""

    text: str
    variables: tuple[tuple[str, str, str], ...]
    faults: tuple[ExpressionFault, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The dotted names used; those only asked for by `has` with `has:` before them."""
        return frozenset(dotted for _, dotted, _ in self.variables)


class _Rewriter:
    def __init__(self, text: str) -> None:
        self.original = text
        self.pieces = list(text)
        self.slots: dict[tuple[str, str], str] = {}
        self.counts: dict[str, int] = {}

    def put(self, known: Known, start: int, end: int) -> bool:
        slot = self._slot(known.dotted, known.kind)
        if slot is None or len(slot) > end - start:
            return False
        blank = ["\n" if character == "\n" else " " for character in self.pieces[start + len(slot) : end]]
        self.pieces[start:end] = [*slot, *blank]
        return True

    def _slot(self, dotted: str, kind: str) -> str | None:
        kind = "string" if kind == "date" else kind
        if (dotted, kind) not in self.slots:
            number = self.counts.get(kind, 0)
            if number >= SLOTS:
                return None
            self.counts[kind] = number + 1
            self.slots[dotted, kind] = slot_name(kind, number)
        return self.slots[dotted, kind]


def rewrite(text: str, scope: Scope) -> Rewritten:
    """Return the shared form of an expression, with a fault for every name that is not right."""
    if len(text) > CHARACTERS_MAX:
        message = f"an expression may have at most {CHARACTERS_MAX} characters"
        return Rewritten(text, (), (ExpressionFault(TOO_LARGE, message, 0, 1),))
    if reserved := _RESERVED.search(text):
        message = f"'{reserved.group()}' is a reserved name"
        return Rewritten(text, (), (ExpressionFault(SYNTAX, message, reserved.start(), len(reserved.group())),))
    rewriter, faults = _Rewriter(text), []
    for name in names(text):
        found = scope.look_up(name)
        if isinstance(found, ExpressionFault):
            faults.append(found)
        elif found is not None and not _replace(rewriter, name, found):
            message = f"an expression may use at most {SLOTS} names of one type"
            faults.append(ExpressionFault(TOO_LARGE, message, name.offsets[0], 1))
    variables = tuple((slot, dotted, kind) for (dotted, kind), slot in rewriter.slots.items())
    return Rewritten("".join(rewriter.pieces), variables, tuple(faults))


def _replace(rewriter: _Rewriter, name: Name, known: Known) -> bool:
    text = rewriter.original
    start, end = name.offsets[0], name.end(known.parts)
    if known.dotted.endswith("()"):
        closing = text.find(")", end)
        return closing < 0 or text[end:closing].strip(" (\n\t") != "" or rewriter.put(known, start, closing + 1)
    before = _HAS_BEFORE.search(text, 0, start)
    after = _HAS_AFTER.match(text, end)
    if before and after and known.parts == len(name.parts):
        return rewriter.put(Known(f"has:{known.dotted}", 1, "boolean"), before.start(), after.end())
    return rewriter.put(known, start, end)
