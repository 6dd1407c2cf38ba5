"""Hours and days, in UTC."""

from datetime import datetime, timedelta
from enum import StrEnum


class Width(StrEnum):
    """How long the time is that figures are kept for together."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """How long that is."""
        return timedelta(hours=1) if self is Width.HOUR else timedelta(days=1)


def bucket_of(moment: datetime, width: Width) -> datetime:
    """Return when the hour or day began in which the moment (UTC) lies."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if width is Width.HOUR else hour.replace(hour=0)
