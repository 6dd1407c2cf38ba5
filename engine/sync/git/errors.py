"""The faults of a configuration."""


class GitConfigError(ValueError):
    """A field of a git source cannot be so. `field` names it (`auth.known_hosts`); the message says what would do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
