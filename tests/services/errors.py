"""The one error of this package."""


class ServiceUnavailableError(Exception):
    """A service cannot be had here; the message says why and what would help."""
