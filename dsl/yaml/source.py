"""The text of a file: decoded, measured, cut into lines the way libyaml counts them."""

import re
from functools import cached_property
from typing import Final

from dsl.diagnostics import START, Fault, Span
from dsl.limits import FILE_BYTES_MAX

_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BOM: Final = "\ufeff"


class Source:
    """Text with its lines. Indexes and columns are in code points; a leading byte order mark is not part of it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def starts(self) -> list[int]:
        """The index at which each line begins."""
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def line(self, number: int) -> str:
        """Return a line (counted from 1) without its break; empty when there is none."""
        if not 1 <= number <= len(self.starts):
            return ""
        match = _BREAK.search(self.text, self.starts[number - 1])
        return self.text[self.starts[number - 1] : match.start() if match else len(self.text)]

    def span(self, start: int, end: int) -> Span:
        """Return the span between two indexes, of one code point at least; it ends on the line of its last one."""
        last_line, last_column = self._place(max(end - 1, start))
        return Span(*self._place(start), last_line, last_column + 1)

    def _place(self, index: int) -> tuple[int, int]:
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= index else (low, middle)
        return low + 1, index - self.starts[low] + 1


def read(text: bytes | str) -> tuple[Source, Fault | None]:
    """Return the source, and what keeps it from being parsed. Never raises."""
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > FILE_BYTES_MAX:
        return Source(""), _too_large(size)
    if isinstance(text, bytes):
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError as error:
            return _undecodable(text, error)
    else:
        decoded = text
    source = Source(decoded.removeprefix(_BOM))
    return source, _illegal(source)


def _too_large(size: int) -> Fault:
    message = f"the file has {size:,} bytes, more than {FILE_BYTES_MAX:,}"
    return Fault("E0002", message, START, "split it into several files")


def _undecodable(data: bytes, error: UnicodeDecodeError) -> tuple[Source, Fault]:
    source = Source(data.decode("utf-8", "replace").removeprefix(_BOM))
    index = len(data[: error.start].decode("utf-8", "replace").removeprefix(_BOM))
    message = f"byte 0x{data[error.start]:02x} is not valid UTF-8"
    return source, Fault("E0001", message, source.span(index, index + 1), "save the file as UTF-8")


def _illegal(source: Source) -> Fault | None:
    match = _ILLEGAL.search(source.text)
    if match is None:
        return None
    name = f"U+{ord(match[0]):04X}"
    hint = f'write it as an escape in double quotes: "\\u{ord(match[0]):04x}"'
    return Fault("E0012", f"the character {name} may not stand in YAML", source.span(*match.span()), hint)
