"""`moved: {from: …}` that cannot be carried out. Who has which name only the sync knows; the words are here."""

from dsl.diagnostics import Diagnostic, Fault, Span, diagnostic
from dsl.together.atlas import Member


def cannot_move(member: Member, reason: str, hint: str) -> Diagnostic:
    """Return the diagnostic of a workflow that cannot be taken for the one it says it was."""
    span = member.references.moved or Span(member.line, 1, member.line, 2)
    message = f"the workflow cannot go on as what '{member.workflow.moved_from}' was: {reason}"
    return diagnostic(Fault("E0523", message, span, hint), member.file)
