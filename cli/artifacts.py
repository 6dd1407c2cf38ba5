"""Files that a run's attempts left."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.errors import CliError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from api.schemas.artifacts import Artifact
    from cli.client import ApiClient


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--task", "-t", help="Only this task's.")
@click.option(
    "--download",
    "-d",
    type=click.Path(file_okay=False, path_type=Path),
    help="Copy those of each task's last attempt into this directory, a folder a task.",
)
@as_json
def artifacts(run_id: str, task: str | None, download: Path | None, json_output: bool) -> None:
    """List the files that RUN's attempts left, or download them."""
    from api.schemas.artifacts import ArtifactPage
    from cli.client import ApiClient

    client = ApiClient.of_environment()
    found = list(client.pages(f"/runs/{run_id}/artifacts", ArtifactPage, {"task": task, "limit": 200}))
    if download is not None:
        found = _last(found)
        for item in found:
            _copy(client, item, download)
    if json_output:
        print_json(found)
        return
    columns = ("TASK", "KEY", "ATTEMPT", "NAME", "BYTES", "SHA-256")
    rows = ((item.task, item.key, item.attempt, item.name, item.size, item.sha256[:12]) for item in found)
    print_table(columns, rows, "no attempt of this run left a file")


def _last(found: "list[Artifact]") -> "list[Artifact]":
    """Return those of the last attempt of each task run that left any."""
    last: dict[tuple[str, str], int] = {}
    for item in found:
        last[item.task, item.key] = max(item.attempt, last.get((item.task, item.key), 0))
    return [item for item in found if item.attempt == last[item.task, item.key]]


def _copy(client: "ApiClient", item: "Artifact", directory: Path) -> None:
    path = directory / item.task / item.key.replace("/", "_") / item.name
    if not path.resolve().is_relative_to(directory.resolve()):
        raise CliError(f"artifact {item.name} would be written outside {directory}", "is that a Chronoverse API?")
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        for piece in client.download(item.path):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != item.sha256:
        part.unlink()
        raise CliError(f"artifact {item.name} arrived damaged", "try again")
    part.replace(path)
