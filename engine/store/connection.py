"""What a transaction is carried out on, for the signatures of those who may not know SQL."""

from sqlalchemy import Connection

__all__ = ["Connection"]
