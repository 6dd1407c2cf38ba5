"""What became of commits: `chronoverse wait` after a push, and `chronoverse commits` for all of them."""

import re
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from cli.errors import CliError, UnreachableError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from api.schemas.commits import Commit
    from cli.client import ApiClient

WAIT_SECONDS: Final = 20.0
"""How long one request waits: less than the client's patience, and than that of most proxies."""
AGAIN_SECONDS: Final = 1.0
TIMED_OUT: Final = 3
NOT_FOUND: Final = 404
AWAY: Final = frozenset({502, 503, 504})
SUCCESSORS_MAX: Final = 20
_SHA: Final = re.compile(r"[0-9a-fA-F]{7,64}")
_DURATION: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h)?")
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


class DurationParam(click.ParamType[float]):
    """`90s`, `5m`, `1h`, or a number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a duration: write 90s, 5m or 1h", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Deadline:
    """The time that is left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; 0 when there are none."""
        return max(self._end - time.monotonic(), 0.0)

    def pause(self) -> None:
        """Let a moment go by before something is tried again."""
        time.sleep(min(AGAIN_SECONDS, self.left))


@click.command()
@click.argument("sha")
@click.option("--source", help="The source whose commit it is. Not needed where only one has commits.")
@click.option("--timeout", type=DurationParam(), default="5m", show_default=True, help="How long to wait at most.")
@as_json
def wait(sha: str, source: str | None, timeout: float, json_output: bool) -> None:
    """Wait until commit SHA is live, or is not going to be.

    So `git push && chronoverse wait $(git rev-parse HEAD)` is a step of a deployment. Of a commit that a newer one has
    overtaken, the newer one's end counts.

    Exit status: 0 live; 1 rejected or failed, with its diagnostics; 2 misuse; 3 not decided in time.
    """
    from cli.client import ApiClient

    if not _SHA.fullmatch(sha):
        raise click.BadParameter(
            f"{sha!r} names no commit: give at least 7 of its hexadecimal digits", param_hint="SHA"
        )
    deadline = Deadline(timeout)
    client = ApiClient.of_environment()
    commit = _followed(client, source or _only_source(client), sha, deadline, quiet=json_output)
    if commit is None:
        click.echo(f"commit {sha} was not decided within {timeout:g} s; chronoverse source status says why", err=True)
        sys.exit(TIMED_OUT)
    if json_output:
        print_json(commit)
    else:
        print_commit(commit)
    if commit.outcome != "live":
        sys.exit(1)


@click.command()
@click.argument("source", required=False)
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@as_json
def commits(source: str | None, limit: int, json_output: bool) -> None:
    """List what became of the commits of SOURCE, the last ones first.

    SOURCE is not needed where only one has commits. The one that is live now is marked with a star.
    """
    from api.schemas.commits import CommitPage
    from cli.client import ApiClient

    client = ApiClient.of_environment()
    page = client.get(f"/sources/{source or _only_source(client)}/commits", CommitPage, {"limit": limit})
    if json_output:
        print_json(page)
        return
    columns = ("COMMIT", "OUTCOME", "NOW", "SEEN", "AUTHOR", "TITLE", "MESSAGE")
    print_table(columns, map(_row, page.items), "no commits")


def _row(item: "Commit") -> tuple[Any, ...]:
    star = "*" if item.current else ""
    message = item.message.partition("\n")[0]
    return item.commit[:12], item.outcome, star, item.seen_at, item.author, item.title, message


def _followed(client: "ApiClient", source: str, sha: str, deadline: Deadline, *, quiet: bool) -> "Commit | None":
    """Return the commit that decides, or None where there is none in time."""
    for _ in range(SUCCESSORS_MAX):
        commit = _decided(client, source, sha, deadline)
        if commit is None or commit.outcome != "superseded" or commit.superseded_by is None:
            return commit
        if not quiet:
            click.echo(f"{commit.commit[:12]} is superseded: {commit.message}")
        sha = commit.superseded_by
    return None


def _decided(client: "ApiClient", source: str, sha: str, deadline: Deadline) -> "Commit | None":
    """Ask until the commit is decided. A server that is away for a while is waited for, as a commit not seen yet is."""
    from api.schemas.commits import Commit

    while True:
        try:
            seconds = min(WAIT_SECONDS, deadline.left)
            commit = client.get(f"/sources/{source}/commits/{sha}", Commit, {"wait": round(seconds, 3)})
        except CliError as error:
            if not _passes(error):
                raise
            commit = None
        if commit is not None and commit.outcome != "pending":
            return commit
        if deadline.left == 0:
            return None
        if commit is None:
            deadline.pause()


def _passes(error: CliError) -> bool:
    """Whether it may be otherwise in a moment: the server is away, or has not seen the commit yet."""
    unseen = error.status == NOT_FOUND and "there is no commit" in error.message
    return unseen or isinstance(error, UnreachableError) or error.status in AWAY


def _only_source(client: "ApiClient") -> str:
    from api.schemas.sources import SourcePage

    names = [item.name for item in client.pages("/sources", SourcePage) if item.kind != "folder"]
    if len(names) == 1:
        return names[0]
    said = f"several sources have commits: {', '.join(names)}" if names else "no source has commits"
    raise click.UsageError(f"{said}; say which is meant")


def print_commit(commit: "Commit") -> None:
    """Print what became of a commit, with its diagnostics."""
    from cli.output import STATE_STYLES

    title = f" ({commit.title})" if commit.title else ""
    outcome = click.style(str(commit.outcome), fg=STATE_STYLES.get(str(commit.outcome)))
    click.echo(f"{commit.commit[:12]}{title} is {outcome}: {commit.message}")
    for entry in commit.diagnostics:
        click.echo(f"{entry.file}:{entry.line}:{entry.column}: {entry.severity} {entry.code} {entry.message}")
        if entry.hint:
            click.echo(f"  hint: {entry.hint}")
