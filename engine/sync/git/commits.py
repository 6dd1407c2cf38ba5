"""Commits of a mirror, read as snapshots: trees at once, blobs when somebody asks for them."""

from collections.abc import Callable
from functools import partial
from typing import Final

import pygit2

from dsl.defaults import is_defaults
from engine.sync.git.checkout import tree_of
from engine.sync.git.config import GitConfig
from engine.sync.git.faults import MirrorError
from engine.sync.git.fetcher import damage_named
from engine.sync.git.mirror import Mirror
from engine.sync.git.trees import Trees
from engine.sync.source import FetchError, Relate, Snapshot, Tree

AUTHOR_CHARACTERS_MAX: Final = 300


class Commits:
    """Reads the commit that was fetched last. `on_damage` hears of a mirror that turned out not to be whole."""

    def __init__(self, config: GitConfig, mirror: Mirror, on_damage: Callable[[], None]) -> None:
        self._config = config
        self._mirror = mirror
        self._on_damage = on_damage
        self._trees = Trees(config, mirror, self._read)

    def newest(self, line: str, relate: Callable[[str], Relate], known: Snapshot | None = None) -> Snapshot:
        """Read the mirror's commit; the one that is `known` is not looked at. Raises `FetchError`, `MirrorError`.

        `line` says by what it was chosen, `relate` gives how a commit stands to others.
        """
        commit = self._mirror.head()
        version = str(commit.id)
        if known is not None and known.version == version:
            return known
        try:
            files, faults = self._trees.look(commit.tree_id)
        except FetchError as error:
            error.version = version
            raise
        if all(map(is_defaults, files)) and not faults:
            raise self._empty(version)
        return Snapshot(
            version=version,
            files=files,
            faults=tuple(faults),
            commit=version,
            author=_author(commit),
            title=_printable(commit.message.partition("\n")[0]),
            line=line,
            relation=relate(version),
            tree=partial(self._tree, commit.tree_id),
        )

    def _empty(self, version: str) -> FetchError:
        config = self._config
        where = f"{config.path!r} of {config.url}" if config.path else config.url
        return FetchError(
            "empty",
            f"{where} holds no workflow file at commit {version[:12]}; nothing is removed for that\n"
            "  hint: check 'path', 'include' and 'exclude'",
            version,
        )

    def _tree(self, root: pygit2.Oid) -> Tree:
        with damage_named(self._config.url):
            return tree_of(self._mirror, self._trees.top(root))

    def _read(self, oid: pygit2.Oid) -> bytes:
        """Read a blob. Raises `FetchError` for a mirror that is damaged; the next fetch then makes it anew."""
        with damage_named(self._config.url):
            try:
                return self._mirror.blob(oid)
            except MirrorError:
                self._mirror.discard()
                self._on_damage()
                raise


def _author(commit: pygit2.Commit) -> str:
    """Return name and address of who wrote a commit, as text that can be kept and shown."""
    author = commit.author
    return _printable(f"{author.name} <{author.email}>")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:AUTHOR_CHARACTERS_MAX]
