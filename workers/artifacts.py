"""Which files of an attempt's directory are kept as artifacts, by the patterns of its task.

Only plain files inside the directory count: a symbolic link is never followed, neither as a file nor on the way to
one. `*` and `?` stand for anything but a slash, `**` for folders, and a folder's name for all that is in it.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.broker.messages import ARTIFACTS_MAX

NAME_BYTES_MAX: Final = 1000
_WILD: Final = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_PIECES: Final = re.compile(r"\*\*/|\*\*|\*|\?")


class ArtifactsError(Exception):
    """The files that a task names cannot all be kept; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one attempt may keep."""

    bytes_max: int = 4 * 1024**3
    files_max: int = ARTIFACTS_MAX


@dataclass(frozen=True, slots=True)
class Chosen:
    """One file: its name (with slashes, from the directory), where it is, and its size in bytes."""

    name: str
    path: Path
    size: int


def choose(directory: Path, patterns: Sequence[str], limits: Limits) -> tuple[list[Chosen], list[str]]:
    """Return the files that match, by name, and the patterns that match none. Raises `ArtifactsError`."""
    compiled = {pattern: matcher(pattern.lstrip("/")) for pattern in patterns}
    unmatched = set(patterns)
    found: list[Chosen] = []
    total = 0
    for chosen in _files(directory, ""):
        matching = {pattern for pattern, regex in compiled.items() if regex.fullmatch(chosen.name)}
        if not matching:
            continue
        unmatched -= matching
        total += chosen.size
        found.append(chosen)
        _check(chosen, len(found), total, limits)
    return sorted(found, key=lambda chosen: chosen.name), [pattern for pattern in patterns if pattern in unmatched]


def matcher(pattern: str) -> re.Pattern[str]:
    """Return a pattern as an expression over whole names; it matches what is below a folder of that name too."""
    text = pattern.removeprefix("./").rstrip("/")
    pieces, position = [], 0
    for wild in _PIECES.finditer(text):
        pieces += [re.escape(text[position : wild.start()]), _WILD[wild[0]]]
        position = wild.end()
    return re.compile("".join([*pieces, re.escape(text[position:])]) + "(?:/.*)?", re.DOTALL)


def _check(chosen: Chosen, count: int, total: int, limits: Limits) -> None:
    if count > limits.files_max:
        raise ArtifactsError(f"the patterns match more than {limits.files_max} files")
    if total > limits.bytes_max:
        raise ArtifactsError(f"with {chosen.name} the artifacts are larger than {limits.bytes_max} bytes in all")


def _files(directory: Path, prefix: str) -> Iterator[Chosen]:
    """Give the plain files below; names that are not UTF-8, too long, or hold a control character are left out."""
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError as error:
        raise ArtifactsError(f"{prefix or '.'} cannot be read: {error.strerror}") from error
    for entry in entries:
        name = prefix + entry.name
        about = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(about.st_mode):
            yield from _files(Path(entry.path), name + "/")
        elif stat.S_ISREG(about.st_mode) and _is_usable(name):
            yield Chosen(name, Path(entry.path), about.st_size)


def _is_usable(name: str) -> bool:
    try:
        return len(name.encode()) <= NAME_BYTES_MAX and name.isprintable()
    except UnicodeEncodeError:
        return False
