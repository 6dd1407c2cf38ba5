"""Globs of paths in a repository: `*` and `?` stay within a folder, `**` spans folders, `[…]` is one of its characters.

A glob without `/` is about the file's name, in whatever folder; one that ends with `/` is all beneath that folder.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

GLOB_CHARACTERS_MAX: Final = 500
GLOBS_MAX: Final = 100
STARS_MAX: Final = 20
"""Each star multiplies what matching may cost."""


class GlobError(ValueError):
    """The text is no glob; the message says why."""


@lru_cache(maxsize=1000)
def compiled(glob: str) -> re.Pattern[str]:
    """Return what the whole path must match. Raises `GlobError`."""
    if not 0 < len(glob) <= GLOB_CHARACTERS_MAX:
        raise GlobError(f"a glob has 1 to {GLOB_CHARACTERS_MAX} characters")
    if glob.count("*") > STARS_MAX:
        raise GlobError(f"a glob has at most {STARS_MAX} stars")
    if glob.startswith("/") or ".." in glob.split("/") or "\\" in glob:
        raise GlobError("a glob is relative to the path, with '/', and without '..'")
    whole = glob if "/" in glob else f"**/{glob}"
    parts = (f"{whole}**" if whole.endswith("/") else whole).split("/")
    return re.compile("".join(_segments(parts)), re.DOTALL)


def chosen(include: Iterable[str], exclude: Iterable[str]) -> Callable[[str], bool]:
    """Return what says whether a path is taken: one of `include` (all where there is none), and none of `exclude`."""
    wanted, refused = [compiled(glob) for glob in include], [compiled(glob) for glob in exclude]

    def taken(path: str) -> bool:
        return (not wanted or any(item.fullmatch(path) for item in wanted)) and not any(
            item.fullmatch(path) for item in refused
        )

    return taken


def _segments(parts: list[str]) -> Iterable[str]:
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            yield ".*" if last else "(?:[^/]+/)*"
        else:
            yield _segment(part) + ("" if last else "/")


def _segment(part: str) -> str:
    found = []
    rest = part
    while rest:
        if rest[0] == "*":
            found.append("[^/]*")
            rest = rest.lstrip("*")
        elif rest[0] == "?":
            found.append("[^/]")
            rest = rest[1:]
        elif rest[0] == "[":
            one_of, rest = _bracket(rest)
            found.append(one_of)
        else:
            found.append(re.escape(rest[0]))
            rest = rest[1:]
    return "".join(found)


def _bracket(text: str) -> tuple[str, str]:
    """Return the pattern of a bracket expression, and what follows it."""
    end = text.find("]", 3 if text[1:2] in {"!", "^"} else 2)
    if end < 0:
        raise GlobError(f"'[' in {text!r} has no ']'")
    body = text[1:end]
    negated = body[0] in "!^"
    characters = re.sub(r"([\\\[\]^&~|])", r"\\\1", body[1:] if negated else body)
    try:
        pattern = f"(?!/)[{'^' if negated else ''}{characters}]"
        re.compile(pattern)
    except re.error as error:
        raise GlobError(f"'[{body}]' cannot be read: {error}") from None
    return pattern, text[end + 1 :]
