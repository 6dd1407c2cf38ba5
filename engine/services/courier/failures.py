"""Why a notice was not sent."""


class UndeliverableError(Exception):
    """A notice can never be sent as it stands."""


class NotTakenError(Exception):
    """The receiver could not be reached, or did not take it: it is sent again later."""
