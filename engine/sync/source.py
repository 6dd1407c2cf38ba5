"""The contract of a source: where workflow files come from. `folder` plays it, and `git` beside it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from dsl.diagnostics import Diagnostic
from dsl.model import DEFAULT_NAMESPACE


class Policy(StrEnum):
    """What a faulty file does to the rest of its source."""

    PARTIAL = "partial"
    """Good files go live; a faulty one keeps its last good revision."""
    ATOMIC = "atomic"
    """One faulty file, and nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a source is taken over. `namespace` is for workflows that name none, `namespaces` are those it may use.

    `allow_rewind`: a version may go live that is older than the one that is, since it was moved back on purpose.
    """

    namespace: str = DEFAULT_NAMESPACE
    namespaces: tuple[str, ...] = ()
    policy: Policy = Policy.PARTIAL
    prune: bool = True
    allow_rewind: bool = False

    @property
    def bounds(self) -> dict[str, Any]:
        """What is shown of the namespaces that the source is bound to; nothing where it may use all."""
        return {"namespaces": list(self.namespaces)} if self.namespaces else {}


class Relation(StrEnum):
    """How a version stands to one that went live before it."""

    SAME = "same"
    """It is that one."""
    NEWER = "newer"
    """It comes after it."""
    OLDER = "older"
    """It comes before it: somebody moved back, or this is what a copy has that is behind."""
    REWRITTEN = "rewritten"
    """Neither: the history was written anew, and this is what counts now."""


Relate = Callable[[str, datetime | None], Relation]
"""How a snapshot stands to a version, which went live at that time if it is known. Raises `FetchError`."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a snapshot. `path` is relative to the source, with `/`; `digest` names the content `read` gives.

    `read` may raise `engine.sync.files.UnreadableFileError`, a fault of the file, and `FetchError`.
    """

    path: str
    digest: str
    read: Callable[[], bytes] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One plain file of the source tree. `path` is relative to the source, with `/`; `read` may raise `FetchError`."""

    path: str
    executable: bool
    read: Callable[[], bytes] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tree:
    """All plain files of a source at one version, whatever they are; `digest` names what they hold."""

    digest: str
    files: Callable[[], Iterator[TreeFile]] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a source holds at one version. `faults` are of files that cannot be read; those are not in `files`.

    `title` is a commit's first line. Where versions have an order, `relation` tells it, and `line` says by what the
    version was chosen (a branch, a tag): who changes that may go back. `tree` gives everything beside the workflows
    too; it may raise `FetchError`.
    """

    version: str
    files: Mapping[str, SourceFile]
    faults: tuple[Diagnostic, ...] = ()
    commit: str | None = None
    author: str | None = None
    title: str = ""
    line: str = ""
    relation: Relate | None = field(default=None, compare=False, repr=False)
    tree: Callable[[], Tree] | None = field(default=None, compare=False, repr=False)


class FetchError(Exception):
    """A source cannot be read now. `reason` is one word for machines, the message says what to do.

    `version` is given where it is this one commit that cannot be taken, and not the source.
    """

    def __init__(self, reason: str, message: str, version: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.version = version


class Halt(Protocol):
    """What ends a wait early, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether to stop waiting."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds; return whether to stop waiting."""


class Source(Protocol):
    """One place that workflow files come from. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """The name that the source is shown under; at most 100 characters."""

    @property
    def kind(self) -> str:
        """`folder`, …: what it is."""

    @property
    def rules(self) -> Rules:
        """How it is taken over."""

    @property
    def config(self) -> dict[str, Any]:
        """What is shown of its configuration: JSON values, no secrets."""

    def fetch(self) -> Snapshot:
        """Return what is there now. Raises `FetchError`; never gives an empty snapshot for a source that failed."""

    def snapshot_of(self, ref: str) -> Snapshot:
        """Return what `ref` names, a branch, a tag or a commit; empty: what the source follows, as it is now.

        It is for looking at: what `fetch` gives is not moved by it. May be called beside the other methods, by one
        thread at a time, which is done with the snapshot before the next call. Raises `FetchError`: besides the reasons
        of `fetch`, `no_refs` of a source that has none, `bad_ref`, `ref_not_found` and `ref_ambiguous`.
        """

    def wait(self, halt: Halt, timeout_seconds: float) -> bool:
        """Wait for a change, at most `timeout_seconds` or until `halt` is set; return whether there was one.

        A change between a `fetch` and the `wait` after it is not missed.
        """

    def nudge(self) -> None:
        """Have the next `fetch` look at what is there, whenever the last one did. Called by any thread."""

    def interrupt(self) -> None:
        """Make a `fetch` that runs, and those after it, end soon with a `FetchError`. Called by any thread."""

    def close(self) -> None:
        """Let go of what the source holds. Idempotent."""
