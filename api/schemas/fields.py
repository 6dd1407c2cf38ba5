"""Fields that differ between two documents."""

from typing import TYPE_CHECKING, Any, Self

import msgspec

from api.schemas.base import Answer

if TYPE_CHECKING:  # the command line reads these types, and must not load the sync for them
    from engine.sync.differences import FieldChange


class ChangedField(Answer, frozen=True, kw_only=True):
    """One field that differs. `before` is left out where it is new, `after` where it is gone."""

    path: str
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET

    @classmethod
    def of(cls, change: "FieldChange") -> Self:
        """Return the field of a change."""
        return cls(path=change.path, before=_value(change.before), after=_value(change.after))


def _value(value: Any) -> Any:
    from engine.sync.differences import ABSENT  # noqa: PLC0415 - as above

    return msgspec.UNSET if value is ABSENT else value
