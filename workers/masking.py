"""Values of secrets, hidden from whatever an attempt says.

A value is found as it is, line by line, in base64 (wherever in a longer text it begins), URL-encoded and escaped as
in JSON. One of fewer than four characters is not hidden: it would blot out half of a log and be guessed all the same.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes, quote_plus

LENGTH_MIN: Final = 4
MASK: Final = "***"
_MASK_BYTES: Final = MASK.encode()


class Masks:
    """What hides an attempt's secrets, made once for it. Any thread may use it."""

    def __init__(self, values: Iterable[str]) -> None:
        """Take the secrets' values. Without one that is long enough there is nothing to hide, at no cost."""
        forms = {form for value in values for form in _forms(value) if len(form) >= LENGTH_MIN}
        # The longest first: a value that begins with another one is hidden whole.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if forms else None
        self._longest = len(self._forms[0]) if forms else 0

    def __bool__(self) -> bool:
        return self._pattern is not None

    def hide(self, data: bytes) -> bytes:
        """Return the data with every secret hidden."""
        return data if self._pattern is None else self._pattern.sub(_MASK_BYTES, data)

    def text(self, text: str) -> str:
        """Return the text with every secret hidden."""
        return text if self._pattern is None else self.hide(text.encode("utf-8", "replace")).decode("utf-8", "replace")

    def shown_in(self, value: Any) -> bool:
        """Whether a JSON value shows a secret, in a text or in a key."""
        if self._pattern is None:
            return False
        match value:
            case str():
                return self._pattern.search(value.encode("utf-8", "replace")) is not None
            case bool() | None:
                return False
            case int() | float():
                return self.shown_in(str(value))
            case Mapping():
                return any(self.shown_in(key) or self.shown_in(item) for key, item in value.items())
            case list() | tuple():
                return any(map(self.shown_in, value))
            case _:
                return False

    def safe_length(self, data: bytes) -> int:
        """Return how much of the data can be shown now: what follows may be the beginning of a secret."""
        if self._pattern is None:
            return len(data)
        safe = len(data) - self._begun(data)
        last = None
        for last in self._pattern.finditer(data):
            if last.end() > safe:
                break
        return min(safe, last.start()) if last is not None and last.end() > safe else safe

    def _begun(self, data: bytes) -> int:
        """Return the length of the longest end of the data with which a secret begins; no form has a line feed."""
        first = max(data.rfind(b"\n") + 1, len(data) - self._longest + 1)
        begun = 0
        for form in self._forms:
            at = data.find(form[:1], max(first, len(data) - len(form) + 1))
            while 0 <= at < len(data) - begun:
                if form.startswith(data[at:]):
                    begun = len(data) - at
                at = data.find(form[:1], at + 1)
        return begun


class MaskedStream:
    """Hides secrets in bytes that come in pieces: what may be the beginning of one waits for the next piece."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return what can be shown."""
        data = self._held + data
        safe = self._masks.safe_length(data)
        self._held = data[safe:]
        return self._masks.hide(data[:safe])

    def rest(self) -> bytes:
        """Return what waited: no more is to come."""
        data, self._held = self._held, b""
        return self._masks.hide(data)


def _forms(value: str) -> Iterator[bytes]:
    pieces = {value, value.rstrip("\r\n"), value.strip()} | {line.strip() for line in value.splitlines()}
    for piece in pieces:
        if len(piece) < LENGTH_MIN:
            continue
        data = piece.encode()
        written = {piece, json.dumps(piece)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1]}
        written |= {quote(piece, safe=""), quote(piece), quote_plus(piece), quote_from_bytes(data, safe="~/")}
        written |= {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text) for text in set(written)}
        yield from (text.encode() for text in written if "\n" not in text and "\r" not in text)
        yield from _in_base64(data)


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Return what of the data's base64 does not depend on what stands before and after it, for each of three places."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data)
        form = whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield form
        yield form.translate(bytes.maketrans(b"+/", b"-_"))
