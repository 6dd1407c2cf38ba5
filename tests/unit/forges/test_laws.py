"""Whatever is sent to a forge's hook is read, or refused as a body; it never breaks anything."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from engine.forges import FORGES, ForgeKind
from engine.signed_requests import BodyError, lowered
from tests.unit.forges.deliveries import PUSHES, signed

KINDS = st.sampled_from(ForgeKind)
TEXTS = st.text(max_size=20)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
NAMES = st.sampled_from(
    ["ref", "after", "commits", "head_commit", "repository", "push", "changes", "new", "old", "target", "author"]
    + ["name", "type", "hash", "message", "id", "project", "default_branch", "toHash", "raw"]
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))


@given(KINDS, JSON | st.binary(max_size=60), st.sampled_from(["", "repo:refs_changed", "ping"]))
def test_any_body_is_read_or_refused(kind: ForgeKind, body: object, event: str) -> None:
    request = signed(kind, "secret", body, event=event)
    with contextlib.suppress(BodyError):
        FORGES[kind].read(lowered(request.headers), request.body)


@given(KINDS, st.data())
def test_a_push_with_any_part_of_it_replaced_is_read_or_refused(kind: ForgeKind, data: st.DataObject) -> None:
    body = json.loads(PUSHES[kind]("secret").body)
    place = body
    while isinstance(place, dict) and place and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict):
            place[name] = data.draw(JSON)
            break
        place = place[name]
    request = signed(kind, "secret", body)
    with contextlib.suppress(BodyError):
        FORGES[kind].read(lowered(request.headers), request.body)


@given(KINDS, st.dictionaries(st.sampled_from(["x-hub-signature", "x-gitlab-token", "webhook-timestamp"]), TEXTS))
def test_any_header_is_checked(kind: ForgeKind, headers: dict[str, str]) -> None:
    for secret in ("secret", "whsec_c2VjcmV0"):
        assert not FORGES[kind].is_signed(secret, headers, b"{}", 0.0) or headers.get("x-gitlab-token") == secret
