"""Versions and ranges of them: Semantic Versioning 2.0.0 (semver.org), ranges as npm's semver(7) reads them.

A range is comparators that must all hold (`>=1.2 <2`), and alternatives (`1.x || ~2.4`). A pre-release is taken only
when a comparator names one of the same major, minor and patch.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

RANGE_CHARACTERS_MAX: Final = 200
NUMBER_DIGITS_MAX: Final = 18

_NUMBER: Final = rf"(?:0|[1-9]\d{{0,{NUMBER_DIGITS_MAX - 1}}})"
_LABELS: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_LABELS}))?(?:\+{_LABELS})?", re.ASCII)
_PARTIAL: Final = re.compile(
    rf"(?P<operator><=|>=|<|>|=|~|\^)?\s*v?(?P<major>{_NUMBER}|[xX*])(?:\.(?P<minor>{_NUMBER}|[xX*]))?"
    rf"(?:\.(?P<patch>{_NUMBER}|[xX*]))?(?:-(?P<pre>{_LABELS}))?(?:\+{_LABELS})?",
    re.ASCII,
)
_WILD: Final = frozenset({"x", "X", "*"})


class RangeError(ValueError):
    """The text is no range of versions; the message says where."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version; build metadata is left out, since it has no part in the order. `pre` is empty for a release."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    @property
    def core(self) -> tuple[int, int, int]:
        """Major, minor and patch."""
        return self.major, self.minor, self.patch

    def __lt__(self, other: "Version") -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        """Order as §11: numbers below words, fewer labels below more, a pre-release below its release."""
        labels = tuple((0, int(item), "") if item.isdecimal() else (1, 0, item) for item in self.pre)
        return (*self.core, not self.pre, labels)


@dataclass(frozen=True, slots=True)
class Comparator:
    """One condition: `operator` is one of `<`, `<=`, `>`, `>=`, `=`."""

    operator: str
    version: Version

    def holds(self, version: Version) -> bool:
        """Whether a version meets it."""
        match self.operator:
            case "<":
                return version < self.version
            case "<=":
                return version <= self.version
            case ">":
                return version > self.version
            case ">=":
                return version >= self.version
            case _:
                return version == self.version


@dataclass(frozen=True, slots=True)
class Range:
    """Alternatives, each of comparators that must all hold."""

    alternatives: tuple[tuple[Comparator, ...], ...]

    def holds(self, version: Version) -> bool:
        """Whether a version is in the range."""
        return any(_all_hold(comparators, version) for comparators in self.alternatives)


def parse_version(text: str) -> Version | None:
    """Return the version that a tag names, with or without a leading `v`; None where it names none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    labels = tuple(pre.split(".")) if pre else ()
    if any(len(label) > NUMBER_DIGITS_MAX and label.isdecimal() for label in labels):
        return None
    return Version(int(major), int(minor), int(patch), labels)


def parse_range(text: str) -> Range:
    """Return the range. Raises `RangeError`."""
    if len(text) > RANGE_CHARACTERS_MAX:
        raise RangeError(f"a range has at most {RANGE_CHARACTERS_MAX} characters")
    return Range(tuple(_alternative(part) for part in text.split("||")))


def newest(tags: Iterable[str], wanted: Range) -> str | None:
    """Return the tag of the newest version in the range; of two tags for one version, the first by name."""
    found = ((parse_version(tag), tag) for tag in sorted(tags, reverse=True))
    inside = [(version, tag) for version, tag in found if version is not None and wanted.holds(version)]
    best: tuple[Version, str] | None = None
    for version, tag in inside:
        if best is None or best[0] <= version:
            best = (version, tag)
    return best[1] if best else None


def _all_hold(comparators: tuple[Comparator, ...], version: Version) -> bool:
    if not all(comparator.holds(version) for comparator in comparators):
        return False
    named = (comparator.version for comparator in comparators if comparator.version.pre)
    return not version.pre or any(item.core == version.core for item in named)


def _alternative(text: str) -> tuple[Comparator, ...]:
    rest, comparators = text.strip(), list[Comparator]()
    if not rest:
        raise RangeError("there is nothing between or beside '||'")
    while rest:
        found = _PARTIAL.match(rest)
        if found is None or (found.end() < len(rest) and rest[found.end()] not in " ,"):
            raise RangeError(f"{rest!r} is no comparator")
        comparators += _comparators(found)
        rest = rest[found.end() :].lstrip(" ,")
    return tuple(comparators)


def _comparators(found: re.Match[str]) -> list[Comparator]:
    """Spell a comparator out: `~1.4` is `>=1.4.0 <1.5.0`. A part left out, or `x`, is any."""
    numbers = list[int]()
    for part in ("major", "minor", "patch"):
        if found[part] is None or found[part] in _WILD:
            break
        numbers.append(int(found[part]))
    if found["pre"] and len(numbers) < 3:
        raise RangeError(f"{found[0]!r}: a pre-release needs major, minor and patch before it")
    pre = tuple(found["pre"].split(".")) if found["pre"] else ()
    low = _version(numbers, pre)
    operator = found["operator"] or "="
    match operator:
        case "~":
            return _between(low, _after(numbers[:2]))
        case "^":
            kept = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
            return _between(low, _after(numbers[: kept + 1]))
        case "=":
            return [Comparator("=", low)] if len(numbers) == 3 else _between(low, _after(numbers))
        case "<" | ">=":
            return [Comparator(operator, low)]
        case _ if len(numbers) == 3:
            return [Comparator(operator, low)]
        case _:
            return _beyond(operator, _after(numbers))


def _between(low: Version, high: Version | None) -> list[Comparator]:
    return [Comparator(">=", low), *([Comparator("<", high)] if high else [])]


def _beyond(operator: str, after: Version | None) -> list[Comparator]:
    """`<=1.4` holds for all of 1.4, `>1.4` for none of it; `>*` for nothing at all."""
    if after is None:
        return [] if operator == "<=" else [Comparator("<", Version(0, 0, 0))]
    return [Comparator("<" if operator == "<=" else ">=", after)]


def _after(numbers: list[int]) -> Version | None:
    """Return the first version after all that begin with these numbers; None where that is all of them."""
    if not numbers:
        return None
    return _version([*numbers[:-1], numbers[-1] + 1])


def _version(numbers: list[int], pre: tuple[str, ...] = ()) -> Version:
    """Return the version of these numbers, with 0 for those left out."""
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return Version(major, minor, patch, pre)
