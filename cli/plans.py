"""`chronoverse plan`: what applying a folder, or a branch, would do, asked of the server before it is done."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.errors import CliError
from cli.output import print_json

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from api.schemas.plans import SourcePlan
    from cli.client import ApiClient

FORMATS: Final = ("text", "json", "markdown")
CHANGES: Final = 3
ANSWER_SECONDS: Final = 100.0
"""How long a plan that needs a fetch is waited for: longer than the server takes at most."""


@click.command()
@click.argument("target", default=".", metavar="[PATH|SOURCE]")
@click.option("--ref", help="Plan this branch, tag or commit of SOURCE, instead of the files in PATH.")
@click.option("--source", help="The source whose files these would be. Not needed where there is only one.")
@click.option("--format", "style", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 where something would change.")
def plan(target: str, ref: str | None, source: str | None, style: str, exit_code: bool) -> None:
    """Show what the server would do if a source held the workflow files in PATH, and no others. Changes nothing.

    PATH is the source's own folder, such as a checkout of its repository (below the source's `path`, if it has one).

    With --ref, the server fetches that branch, tag or commit of SOURCE and plans what it holds.

    Exit status: 0 as planned; 1 a file has an error; 2 misuse; 3 something would change (with --exit-code).
    """
    from api.schemas.plans import SourcePlan
    from cli.client import ApiClient

    client = ApiClient.of_environment()
    if ref is None:
        files = _files(_folder(target))
        found = client.post(f"/sources/{source or _only_source(client)}/plan", SourcePlan, {"files": files})
    else:
        found = planned(client, _named(client, target, source), ref)
    show(found, style)
    if found.faulty:
        sys.exit(1)
    if exit_code and found.changing:
        sys.exit(CHANGES)


def planned(client: "ApiClient", source: str, ref: str) -> "SourcePlan":
    """Have the server plan a ref of a source; empty: the newest of what it follows."""
    from api.schemas.plans import SourcePlan

    return client.get(f"/sources/{source}/plan", SourcePlan, {"ref": ref or None}, seconds=ANSWER_SECONDS)


def show(found: "SourcePlan", style: str) -> None:
    """Print a plan."""
    from cli.plan_text import markdown, text

    match style:
        case "json":
            print_json(found)
        case "markdown":
            click.echo(markdown(found), nl=False)
        case _:
            click.echo(text(found), nl=False)


def _folder(target: str) -> Path:
    path = Path(target)
    if not path.is_dir():
        raise click.UsageError(f"there is no folder {target}; to plan a commit of the source {target}, give --ref")
    return path


def _named(client: "ApiClient", target: str, source: str | None) -> str:
    if target != "." and source not in {None, target}:
        raise click.UsageError(f"which source is meant, {target} or {source}?")
    return source or (target if target != "." else _only_source(client))


def _files(path: Path) -> dict[str, str]:
    """Return the workflow files of a folder, as a source would read them."""
    from engine.sync.files import FolderFiles
    from engine.sync.source import FetchError

    try:
        found, faults = FolderFiles(path).look()
    except (FetchError, OSError) as error:
        raise CliError(f"{path} cannot be read: {error}", "name the source's folder") from error
    if faults:
        raise CliError("\n".join(f"{path / item.file}: {item.message}" for item in faults), "mend or remove the file")
    if not found:
        raise CliError(f"{path} holds no workflow file", "name the source's folder")
    texts = {}
    for name, file in found.items():
        try:
            texts[name] = file.read().decode()
        except UnicodeDecodeError as error:
            raise CliError(f"{path / name} is not UTF-8: byte {error.start}", "save it as UTF-8") from error
    return texts


def _only_source(client: "ApiClient") -> str:
    from api.schemas.sources import SourcePage

    names = [item.name for item in client.pages("/sources", SourcePage)]
    if len(names) == 1:
        return names[0]
    said = f"there are several sources: {', '.join(names)}" if names else "the server has no source"
    raise click.UsageError(f"{said}; name one with --source")
