"""Why an action is refused."""

from engine.machine.creation import InputFault


class ActionError(Exception):
    """An action was refused; the message says what to do instead."""


class UnknownError(ActionError):
    """What the action names does not exist."""


class ConflictError(ActionError):
    """What the action names is in a state that does not allow it."""


class InvalidInputsError(ActionError):
    """The inputs do not fit what the workflow declares; `faults` says each."""

    def __init__(self, message: str, faults: list[InputFault]) -> None:
        super().__init__(message)
        self.faults = faults


class InvalidRangeError(ActionError):
    """A range of time holds nothing, too much, or what is still to come."""


class KeyReusedError(ActionError):
    """An idempotency key was used before for another request."""
