"""What can go wrong with the store. Driver errors end here."""


class StoreError(Exception):
    """The database cannot be reached or refused an operation; the message says which, where, and what to do."""


class RetryableError(StoreError):
    """The transaction was rolled back for a reason that may be gone by now.

    That is a serialization failure, a deadlock, a lock that was not had in time, or a connection that broke. Whether it
    was committed after all is not known in the last case; every write is conditional, so doing it again is safe.
    """


class SchemaError(StoreError):
    """The database's schema is not one that this program can work with."""


class AlreadyRunningError(StoreError):
    """Another process holds the state directory."""
