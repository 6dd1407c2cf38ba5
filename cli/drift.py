"""Against the source: workflows pinned and restored by hand, and the list of all that was changed by hand."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.arguments import WORKFLOW
from cli.errors import CliError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.drift import Drift
    from api.schemas.workflows import Workflow


class MomentParam(click.ParamType[datetime]):
    """A time with its offset from UTC, as RFC 3339 has it."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time: write it as 2026-01-31T12:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no offset from UTC: write {value}Z for UTC", param, ctx)
        return moment


class DurationParam(click.ParamType[timedelta]):
    """A duration as workflows have it: `90s`, `2h30m`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the duration."""
        from dsl.durations import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            return timedelta(seconds=parse_duration(str(value)))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a duration: write it as 90s, 15m or 2h30m", param, ctx)


for_option = click.option("--for", "lasts", type=DurationParam(), help="How long, as 2h; it ends by itself then.")
until_option = click.option("--until", type=MomentParam(), help="Until when, as 2026-01-31T12:00:00Z, instead.")
reason_option = click.option("--reason", default="", help="Why; shown wherever it is.")


def end_of(lasts: timedelta | None, until: datetime | None) -> str | None:
    """Return until when something is to hold, None for no end. Raises `CliError` where both are given."""
    if lasts is not None and until is not None:
        raise CliError("--for and --until say the same", "give one of them")
    moment = datetime.now(UTC) + lasts if lasts is not None else until
    return None if moment is None else moment.astimezone(UTC).isoformat()


@click.command()
@click.argument("workflow", type=WORKFLOW)
@click.argument("revision", type=click.IntRange(1))
@for_option
@until_option
@reason_option
@as_json
def pin(
    workflow: tuple[str, str],
    revision: int,
    lasts: timedelta | None,
    until: datetime | None,
    reason: str,
    json_output: bool,
) -> None:
    """Go back: hold WORKFLOW at REVISION, whatever its source says, until it is unpinned.

    `chronoverse history WORKFLOW` lists revisions. Runs go on as they began.
    """
    body = {"revision": revision, "reason": reason, "until": end_of(lasts, until)}
    _show(_changed("POST", workflow, "pin", body), json_output=json_output)


@click.command()
@click.argument("workflow", type=WORKFLOW)
@as_json
def unpin(workflow: tuple[str, str], json_output: bool) -> None:
    """Let WORKFLOW be what its source says again."""
    _show(_changed("DELETE", workflow, "pin"), json_output=json_output)


@click.command()
@click.argument("workflow", type=WORKFLOW)
@for_option
@until_option
@reason_option
@click.option("--undo", is_flag=True, help="Let go of it: it is archived again.")
@as_json
def restore(
    workflow: tuple[str, str],
    lasts: timedelta | None,
    until: datetime | None,
    reason: str,
    undo: bool,
    json_output: bool,
) -> None:
    """Bring WORKFLOW back that was removed from its source, as it was last, until its file is there again."""
    if undo and (lasts is not None or until is not None or reason):
        raise CliError("--undo goes without a reason and an end", "leave them out")
    if undo:
        found = _changed("DELETE", workflow, "restore")
    else:
        found = _changed("POST", workflow, "restore", {"reason": reason, "until": end_of(lasts, until)})
    _show(found, json_output=json_output)


@click.command()
@click.option("--namespace", help="Only of this namespace.")
@as_json
def drift(namespace: str | None, json_output: bool) -> None:
    """List what was changed by hand and differs from what the sources say: who, why, and until when."""
    from api.schemas.drift import DriftPage
    from cli.client import ApiClient

    found = list(ApiClient.of_environment().pages("/drift", DriftPage, {"namespace": namespace, "limit": 200}))
    if json_output:
        print_json(found)
        return
    columns = ("WHAT", "STATE", "INSTEAD OF", "SINCE", "UNTIL", "BY", "REASON")
    print_table(columns, (_row(item) for item in found), "nothing was changed by hand")


def _row(item: "Drift") -> tuple[Any, ...]:
    what = f"source {item.source}" if item.workflow is None else f"{item.workflow.namespace}/{item.workflow.name}"
    return (what, f"{item.state}: {item.detail}", item.instead, item.since, item.until or "", item.by, item.reason)


def _changed(method: str, workflow: tuple[str, str], action: str, body: dict[str, Any] | None = None) -> "Workflow":
    from api.schemas.workflows import Workflow
    from cli.client import ApiClient

    client, path = ApiClient.of_environment(), f"/workflows/{workflow[0]}/{workflow[1]}/{action}"
    return client.post(path, Workflow, body) if method == "POST" else client.take_back(path, Workflow)


def _show(found: "Workflow", *, json_output: bool) -> None:
    if json_output:
        print_json(found)
        return
    name = f"{found.namespace}/{found.name}"
    if found.archived_at is not None:
        click.echo(f"{name} is archived")
    elif found.pin is not None:
        click.echo(f"{name} is held at revision {found.pin.revision}{_until(found.pin.until)}")
    else:
        restored = "" if found.restored is None else f", restored without its file{_until(found.restored.until)}"
        click.echo(f"{name} is at revision {found.revision}{restored}")


def _until(moment: datetime | None) -> str:
    return "" if moment is None else f" until {moment.isoformat()}"
