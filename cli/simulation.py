"""`chronoverse simulate`: when everything would fire, without a server."""

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from cli.errors import CliError
from cli.output import print_json, print_table

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from dsl.model import Workflow
    from engine.schedule.forecast import Forecast, Planned

FORMATS: Final = ("table", "json", "svg")
LIMIT_MAX: Final = 10_000
DEFAULT_RANGE: Final = timedelta(days=1)


class MomentParam(click.ParamType[datetime]):
    """A time in RFC 3339, or a date: its midnight in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment in UTC."""
        from dsl.times import TimeError, parse_time

        if isinstance(value, datetime):
            return value
        try:
            return parse_time(f"{value}T00:00:00Z" if len(str(value)) == 10 else str(value))
        except TimeError:
            self.fail(f"{value!r} is not a time: write 2026-03-29 or 2026-03-29T01:00:00Z", param, ctx)


class DurationParam(click.ParamType[float]):
    """A duration as workflow files write it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        from dsl.durations import DurationError, parse_duration

        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except DurationError as error:
            self.fail(f"{error}: write 90s, 15m or 2h30m", param, ctx)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--workflow", "names", multiple=True, help="Only this one: NAME or NAMESPACE/NAME. Repeatable.")
@click.option("--from", "start", type=MomentParam(), help="First moment: a time or a date (UTC).  [default: now]")
@click.option("--to", "end", type=MomentParam(), help="First moment that is left out.  [default: a day later]")
@click.option("--duration", type=DurationParam(), help="How long each run takes.  [default: the workflow's timeout]")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=1000, show_default=True, help="Firings at most.")
@click.option("--format", "style", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print.")
def simulate(
    paths: tuple[str, ...],
    names: tuple[str, ...],
    start: datetime | None,
    end: datetime | None,
    duration: float | None,
    limit: int,
    style: str,
) -> None:
    """Show when the schedules of the workflows in PATHS fire, and which firings meet a concurrency limit.

    Changes of the clocks are in it. What cannot be known without a server is assumed: docs/offline-tools.md says what.
    Exits 1 if a file has an error.
    """
    from engine.schedule.forecast import forecast

    start = datetime.now(UTC).replace(microsecond=0) if start is None else start
    end = _end(start) if end is None else end
    if end <= start:
        raise click.UsageError("--to must be later than --from")
    found = forecast(_chosen(_workflows(paths), names), start, end, limit, duration)
    match style:
        case "json":
            print_json({"from": start, "to": end, **_json(found)})
        case "svg":
            from engine.schedule.timeline import timeline

            click.echo(timeline(found, start, end), nl=False)
        case _:
            _print_table(found)


def _end(start: datetime) -> datetime:
    try:
        return start + DEFAULT_RANGE
    except OverflowError as error:
        raise CliError("--from is the calendar's last day", "give an earlier one") from error


def _workflows(paths: tuple[str, ...]) -> "list[Workflow]":
    """Return the workflows of the files. Errors are printed and end the command."""
    from dsl.diagnostics import has_errors
    from dsl.loader import load_paths
    from dsl.render import render

    loaded = load_paths(paths)
    if has_errors(loaded.diagnostics):
        click.echo(render(loaded, "text"), nl=False, err=True)
        sys.exit(1)
    return [item.workflow for item in loaded.workflows]


def _chosen(workflows: "list[Workflow]", names: tuple[str, ...]) -> "list[Workflow]":
    """Return the workflows that are asked for; all where none is named."""
    from dsl.suggest import did_you_mean

    full = {f"{item.namespace}/{item.name}": item for item in workflows}
    for name in names:
        if name not in full and name not in {item.name for item in workflows}:
            known = [*full, *(item.name for item in workflows)]
            listed = f"there are: {', '.join(full) or 'none'}"
            raise CliError(f"the files hold no workflow {name!r}", did_you_mean(name, known, listed))
    return [item for key, item in full.items() if not names or key in names or item.name in names]


def _json(found: "Forecast") -> dict[str, Any]:
    firings = [
        {
            "at": item.nominal,
            "local": _local(item),
            "workflow": item.workflow,
            "trigger": item.trigger,
            "shifted": item.shifted,
            "jitter_seconds": item.jitter_seconds,
            "effect": item.effect,
            "start": item.start,
            "end": item.end,
        }
        for item in found.firings
    ]
    rest = {"phase_assumed": found.unanchored, "collisions_unknown": found.unlimited, "one_key_assumed": found.keyed}
    return {"firings": firings, "truncated": found.truncated, "left_out": found.left_out, **rest}


def _print_table(found: "Forecast") -> None:
    rows = [
        (f"{item.nominal:%Y-%m-%dT%H:%M:%SZ}", _local(item), item.workflow, item.trigger, _note(item))
        for item in found.firings
    ]
    print_table(("fires (UTC)", "local", "workflow", "trigger", "note"), rows, "nothing fires in this range")
    collisions = sum(item.collides for item in found.firings)
    more = f"; {found.left_out_shown} more left out: see --limit" if found.truncated else ""
    click.echo(f"{len(rows)} firing{'s' * (len(rows) != 1)}, {collisions} at a concurrency limit{more}", err=True)
    for name in found.unanchored:
        click.echo(f"{name}: a server counts `every` from its first activation; here from --from", err=True)
    for name in found.unlimited:
        click.echo(f"{name}: it has a concurrency limit but no timeout; give --duration to see collisions", err=True)
    for name in found.keyed:
        click.echo(f"{name}: its concurrency.key is an expression; here all its runs have one key", err=True)


def _local(item: "Planned") -> str:
    """Return a firing's local time with its offset, so that one which comes twice can be told apart, and the name."""
    from zoneinfo import ZoneInfo

    local = item.nominal.astimezone(ZoneInfo(item.timezone))
    name = f"{local:%Z}"
    return local.isoformat(" ") + (f" {name}" if name.isalpha() and name != "UTC" else "")


def _note(item: "Planned") -> str:
    from dsl.durations import format_duration
    from engine.schedule.forecast import Effect

    notes = ["its local time was skipped: fires when the clocks jump"] if item.shifted else []
    if item.effect is Effect.WAITS and item.start is not None:
        notes.append(f"waits {format_duration((item.start - item.nominal).total_seconds())}")
    elif item.effect is Effect.SKIPPED:
        notes.append("skipped: the limit is reached")
    elif item.effect is Effect.REPLACES:
        notes.append("stops the oldest run")
    if item.jitter_seconds:
        notes.append(f"up to {format_duration(item.jitter_seconds)} later (jitter)")
    return "; ".join(notes)
