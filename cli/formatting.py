"""`chronoverse fmt`: workflow files in their one layout."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.errors import CliError

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from dsl.formatting import Formatted

_STDIN: Final = "-"


@click.command("fmt")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not formatted.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change, and exit 1 if anything would.")
@click.option("--stdin-filename", metavar="FILE", default="", help="What `-` is: its name tells tests from workflows.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool, stdin_filename: str) -> None:
    """Put the workflow files, tests and defaults in PATHS (by default `workflows`) into their one layout.

    Keys come in the order of the reference, comments stay with what they are about, and the meaning stays the same.
    Files are written in place; with `-` standard input is formatted to standard output. Exits 1 if a file cannot be
    parsed, or with --check or --diff if one is not formatted.
    """
    if _STDIN in paths:
        if len(paths) > 1:
            raise click.UsageError("`-` goes with no other path")
        ended = _stream(stdin_filename or "<stdin>", check=check, diff=diff)
    else:
        ended = _files(_found(paths or ("workflows",)), check=check, diff=diff)
    if not ended:
        sys.exit(1)


def _stream(name: str, *, check: bool, diff: bool) -> bool:
    result = _formatted(sys.stdin.buffer.read(), name)
    if result is None:
        return False
    if diff:
        _print_diff(name, result)
    elif not check:
        click.echo(result.text, nl=False)
    return result.text == result.given or not (check or diff)


def _files(paths: Sequence[Path], *, check: bool, diff: bool) -> bool:
    if not paths:
        click.echo("there are no workflow files here", err=True)
        return True
    changed = faulty = 0
    for path in paths:
        result = _formatted(_read(path), str(path))
        if result is None:
            faulty += 1
        elif result.text != result.given:
            changed += 1
            if diff:
                _print_diff(str(path), result)
            else:
                _write(path, result.text, check=check)
    done = "to be formatted" if check or diff else "formatted"
    parts = [f"{changed} {done}", f"{len(paths) - changed - faulty} as they should be"]
    click.echo(", ".join(parts + [f"{faulty} faulty"] * bool(faulty)), err=True)
    return not faulty and not (changed and (check or diff))


def _formatted(data: bytes, name: str) -> "Formatted | None":
    """Return one file's result; None for one that cannot be formatted, which is told."""
    from dsl.formatting import UnsafeFormatError, format_text
    from dsl.loader import LoadResult
    from dsl.render import render

    try:
        result = format_text(data, name)
    except UnsafeFormatError as error:
        CliError(str(error), "it was left as it is; please report it with the file").show()
        return None
    if result.diagnostics:
        found = LoadResult(workflows=(), diagnostics=result.diagnostics, sources={name: result.given})
        click.echo(render(found, "text"), nl=False, err=True)
        return None
    return result


def _found(paths: Sequence[str]) -> list[Path]:
    """Return the files that are meant, each once. Files given by name are always kept."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise click.UsageError(f"path '{path}' does not exist: name the files or folders to format")
        try:
            found |= dict.fromkeys(sorted(_in_folder(path)) if path.is_dir() else [path])
        except OSError as error:
            raise CliError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error
    return list(found)


def _in_folder(folder: Path) -> Iterator[Path]:
    from dsl.defaults.folders import is_defaults
    from dsl.loader import SUFFIXES

    for path in folder.iterdir():
        if path.name.startswith(".") or (path.name.startswith("_") and not is_defaults(path)):
            continue
        if path.is_dir():
            yield from _in_folder(path)
        elif path.suffix in SUFFIXES:
            yield path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror or error}") from error


def _write(path: Path, text: str, *, check: bool) -> None:
    if not check:
        try:
            _replace(path.resolve(), text)
        except OSError as error:
            raise CliError(f"{path} cannot be written: {error.strerror or error}") from error
    click.echo(f"{'would format' if check else 'formatted'} {path}")


def _replace(path: Path, text: str) -> None:
    """Put the text in the file's place: whoever looks, and whatever ends this process, finds the old one or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.chmod(path.stat().st_mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _print_diff(name: str, result: "Formatted") -> None:
    import difflib

    before, after = result.given.splitlines(keepends=True), result.text.splitlines(keepends=True)
    for line in difflib.unified_diff(before, after, name, f"{name} (formatted)"):
        click.echo(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", nl=False)
