"""Which of the server's references is meant: a branch, a tag, the newest tag of a range, a commit, or its HEAD."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.sync.git.semver import newest, parse_range

COMMIT: Final = re.compile(r"[0-9a-f]{40}")
ABBREVIATED: Final = re.compile(r"[0-9a-f]{7,40}")
"""A commit's name, or as much of its beginning as git shows."""
BRANCHES: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^\.|^/|^-|\.lock(/|$)|[./]$|^@$")
"""What git-check-ref-format(1) forbids in a name, and a leading dash."""


class NoRefError(Exception):
    """The server has no such reference. `reason` is `ref_not_found`, or `empty` where it has none at all."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference of the server, and the object it names. `target` is what a symbolic one points to."""

    name: str
    oid: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen. `ref` is empty for a commit that is fetched by its name, `oid` may be an annotated tag.

    Without `ref`, `oid` may be no more than the beginning of a name.
    """

    ref: str
    oid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which commit of a repository is meant; all empty means the server's HEAD.

    `ref` is what a person calls it: a branch, a tag, a whole `refs/…`, or a commit of which 7 digits will do.
    """

    branch: str = ""
    tag: str = ""
    semver: str = ""
    commit: str = ""
    ref: str = ""

    def __str__(self) -> str:
        if self.ref:
            return self.ref
        named = {"branch": self.branch, "tag": self.tag, "semver": self.semver, "commit": self.commit}
        return next((f"{kind} {value}" for kind, value in named.items() if value), "the default branch")

    def choose(self, refs: Iterable[Ref]) -> Chosen:
        """Return what the server has for it. Raises `NoRefError`."""
        by_name = {ref.name: ref for ref in refs}
        if not by_name:
            raise NoRefError("empty", "the repository has no commit yet\n  hint: push one")
        if self.ref:
            return self._called(by_name)
        if self.commit:
            return Chosen(_naming(by_name, self.commit), self.commit)
        name = self._name(by_name)
        found = by_name.get(name)
        if found is None:
            raise NoRefError("ref_not_found", self._missing(by_name))
        return Chosen(found.target if found.target in by_name else name, found.oid)

    def _called(self, by_name: dict[str, Ref]) -> Chosen:
        """Return what the server calls so: a branch before a tag, and both before a commit."""
        for name in (f"{BRANCHES}{self.ref}", f"{TAGS}{self.ref}", self.ref):
            if name in by_name:
                return Chosen(name, by_name[name].oid)
        digits = self.ref.lower()
        if not ABBREVIATED.fullmatch(digits):
            hint = f"{_listed(by_name, BRANCHES, 'branches')}; or 7 digits of a commit"
            raise NoRefError("ref_not_found", f"there is no branch or tag {self.ref} on the server\n  hint: {hint}")
        found = {ref.oid for ref in by_name.values() if ref.oid.startswith(digits)}
        if len(found) != 1:  # none or several: among everything it may be another, or there is no telling
            return Chosen("", digits)
        oid = found.pop()
        return Chosen(_naming(by_name, oid), oid)

    def _name(self, by_name: dict[str, Ref]) -> str:
        if self.semver:
            tags = [name.removeprefix(TAGS) for name in by_name if name.startswith(TAGS) and not name.endswith("^{}")]
            return TAGS + (newest(tags, parse_range(self.semver)) or "")
        if self.branch:
            return BRANCHES + self.branch
        return TAGS + self.tag if self.tag else "HEAD"

    def _missing(self, by_name: dict[str, Ref]) -> str:
        if not (self.branch or self.tag or self.semver):
            return (
                "the server's HEAD names no branch that is there\n  hint: set 'branch', or the server's default branch"
            )
        what = "tag in the range " + self.semver if self.semver else str(self)
        hint = _listed(by_name, BRANCHES, "branches") if self.branch else _listed(by_name, TAGS, "tags")
        return f"there is no {what} on the server\n  hint: {hint}"


def _listed(by_name: dict[str, Ref], kind: str, plural: str) -> str:
    """Say which the server has, or some of them."""
    names = sorted(name.removeprefix(kind) for name in by_name if name.startswith(kind) and not name.endswith("^{}"))
    some = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return f"it has the {plural} {some}" if some else f"it has no {plural}"


def _naming(by_name: dict[str, Ref], oid: str) -> str:
    """Return a reference to an object that can be fetched by its name; empty where there is none."""
    return next((ref.name for ref in by_name.values() if ref.oid == oid and not ref.name.endswith("^{}")), "")


def is_ref_name(name: str) -> bool:
    """Whether a branch or a tag can be called so."""
    return bool(name) and len(name) <= 250 and not _FORBIDDEN.search(name) and name.isprintable()
