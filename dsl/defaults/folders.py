"""Which defaults files reach a workflow: those in its folder and in the folders above it, up to a root."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dsl.defaults.layer import NAME, Layer, load_layer, unreadable
from dsl.diagnostics import START, Fault, diagnostic


def is_defaults(file: str | Path) -> bool:
    """Whether a file is one of defaults, by its name."""
    return str(file).rpartition("/")[2] == NAME  # not by pathlib: a sync asks for each of 10,000 files


def chain(path: str) -> Iterator[str]:
    """Give the defaults files that may reach the file at `path` of a source, near to far. Paths have `/`."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        yield f"{folder}/{NAME}" if folder else NAME


def layers_of(path: str, known: Mapping[str, Layer]) -> list[Layer]:
    """Return the layers of a source's file, near to far."""
    return [known[name] for name in chain(path) if name in known] if known else []


class FolderLayers:
    """The defaults files of a file system, each read once."""

    def __init__(self) -> None:
        self._seen: dict[Path, Layer | None] = {}
        self._roots: dict[Path, Path] = {}

    def of(self, path: Path, given: Path) -> Sequence[Layer]:
        """Return the layers of the file at `path`, near to far.

        They are looked for up to the repository that `given` stands in (the nearest folder with `.git`), and without
        one up to `given`, or to its folder where it is a file.
        """
        top = self._root(given)
        found: list[Layer] = []
        for folder in _upward(Path(os.path.abspath(path)).parent, top):  # noqa: PTH100 - links stay what they are
            layer = self.at(folder / NAME, relative=not path.is_absolute())
            if layer is not None:
                found.append(layer)
        return found

    def at(self, path: Path, *, relative: bool = False) -> Layer | None:
        """Return the layer of one file, or None where there is no such file. It is shown as `relative` says."""
        if path not in self._seen:
            self._seen[path] = _read(path, os.path.relpath(path) if relative else str(path))
        return self._seen[path]

    def beneath(self, folder: Path) -> None:
        """Read the defaults files of a folder and of those beneath it, even where they reach no workflow."""
        for at, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith((".", "_"))]
            if NAME in files:
                self.at(Path(os.path.abspath(at)) / NAME, relative=not folder.is_absolute())  # noqa: PTH100

    def found(self) -> Sequence[Layer]:
        """Return every layer that was read."""
        return [layer for layer in self._seen.values() if layer is not None]

    def _root(self, given: Path) -> Path:
        if given not in self._roots:
            full = Path(os.path.abspath(given))  # noqa: PTH100 - links stay what they are
            folder = full if full.is_dir() else full.parent
            repositories = (each for each in (folder, *folder.parents) if (each / ".git").exists())
            self._roots[given] = next(repositories, folder)
        return self._roots[given]


def _upward(folder: Path, top: Path) -> Iterator[Path]:
    for each in (folder, *folder.parents):
        yield each
        if each == top:
            return


def _read(path: Path, shown: str) -> Layer | None:
    try:
        return load_layer(path.read_bytes(), shown)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        fault = Fault("E0014", f"the file cannot be read: {error.strerror or error}", START)
        return unreadable(diagnostic(fault, shown))
