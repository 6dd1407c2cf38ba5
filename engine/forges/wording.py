"""Texts as forges take them: cut to their limits, and read from what they send."""

from typing import Final

TITLE_CHARACTERS_MAX: Final = 300
NO_COMMIT: Final = "0"
"""The only digit of the commit that stands for none (git's null object name)."""


def cut(text: str, characters_max: int) -> str:
    """Return the text in one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters_max else line[: characters_max - 1] + "…"


def title_of(message: str) -> str:
    """Return the first line of a commit's message."""
    return message.partition("\n")[0][:TITLE_CHARACTERS_MAX]


def commit_or_none(text: str | None) -> str | None:
    """Return a commit's name, or None for what is none: of a deleted branch, or not told."""
    is_name = text is not None and 40 <= len(text) <= 64 and not set(text) - set("0123456789abcdef")
    return text if is_name and set(text or "") != {NO_COMMIT} else None


def person(name: str, email: str) -> str:
    """Return an author as git writes one."""
    return (f"{name} <{email}>" if email else name)[:TITLE_CHARACTERS_MAX]
