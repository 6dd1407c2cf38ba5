"""Problems: what went wrong, as RFC 9457 says it."""

from msgspec import field

from api.schemas.base import Answer


class FieldFault(Answer, frozen=True, kw_only=True):
    """One thing wrong with a request: where (`body.inputs.day`, `query.state`), what, and what to do."""

    place: str
    message: str
    hint: str = ""


class Problem(Answer, frozen=True, kw_only=True):
    """A problem document (RFC 9457). `type` is stable; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldFault] = field(default_factory=list)
