"""A plan for people: as text for terminals, as Markdown for the comment of a pull request."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from api.schemas.fields import ChangedField
    from api.schemas.plans import PlannedChange, PlannedTrigger, SourcePlan
    from dsl.diagnostics import Diagnostic

VALUE_CHARACTERS_MAX: Final = 100
FIELDS_MAX: Final = 50
MARKDOWN_CHARACTERS_MAX: Final = 60_000
"""Less than what GitHub (65,536) takes in one comment; other forges take more."""
_SIGNS: Final = {
    "added": ("+", "green"),
    "returned": ("+", "green"),
    "changed": ("~", "yellow"),
    "renamed": (">", "yellow"),
    "moved": (">", "cyan"),
    "removed": ("-", "red"),
    "waits": ("!", "red"),
    "held": ("=", "magenta"),
}


def text(plan: "SourcePlan") -> str:
    """Return the plan as lines for a terminal."""
    lines = [_diagnostic(item) for item in plan.diagnostics]
    for item in plan.changes:
        sign, colour = _SIGNS[item.action]
        lines.append(click.style(f"{sign} {_title(item)}", fg=colour))
        lines += [f"    {line}" for line in _details(item)]
    return "\n".join([*lines, *_summary(plan)]) + "\n"


def markdown(plan: "SourcePlan") -> str:
    """Return the plan as Markdown of at most 60,000 characters: what does not fit is counted."""
    head = [f"### Chronoverse: source `{plan.source}`", "", *(f"{line}  " for line in _summary(plan))]
    blocks = [_block(f"{len(plan.diagnostics)} diagnostics", map(_diagnostic, plan.diagnostics))]
    blocks = blocks if plan.diagnostics else []
    blocks += [_block(_title(item), _details(item)) for item in plan.changes]
    done = "\n".join(head) + "\n"
    for number, block in enumerate(blocks):
        rest = f"\n{len(blocks) - number} more do not fit in here: see `chronoverse plan`.\n"
        if len(done) + len(block) + len(rest) > MARKDOWN_CHARACTERS_MAX:
            return done + rest
        done += block
    return done


def _block(title: str, lines: Iterator[str]) -> str:
    body = "\n".join(lines)
    shown = f"<code>{title.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</code>"
    if not body:
        return f"\n{shown}\n"
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n<details><summary>{shown}</summary>\n\n{fence}text\n{body}\n{fence}\n\n</details>\n"


def _summary(plan: "SourcePlan") -> list[str]:
    counts: dict[str, int] = {}
    for item in plan.changes:
        counts[item.action] = counts.get(item.action, 0) + 1
    told = ", ".join(f"{counts[action]:,} {action}" for action in _SIGNS if action in counts) or "nothing changes"
    which = f" at {plan.commit[:12]}" if plan.commit else ""
    lines = [f"{plan.source}{which}: {told}; {plan.unchanged:,} unchanged"]
    if plan.rejected:
        lines.append("Nothing of it would be done: a file has an error, and the source's policy is atomic.")
    if "waits" in counts:
        lines.append("Removals that wait need a person: chronoverse source approve, once the source was synced.")
    lines += _standing(plan)
    if plan.suspended:
        lines.append("The source is suspended: nothing is done until it is resumed.")
    if plan.uncompared:
        lines.append(f"Other files beside the workflows were not compared (checkout): {', '.join(plan.uncompared)}")
    if plan.undetailed:
        lines.append(f"The firings of {plan.undetailed:,} more workflows were not worked out.")
    return lines


def _standing(plan: "SourcePlan") -> list[str]:
    """Return what is to be known of how the commit stands to the live one."""
    live = (plan.live_version or "")[:12]
    match plan.relation:
        case "older":
            return [f"It is older than {live}, which is live: a sync would change nothing (allow_rewind)."]
        case "rewritten":
            return [
                f"It is not known to hold {live}, which is live: what changed there since shows as taken back.",
                "Merge or rebase first, or plan the merge itself (at GitHub refs/pull/NUMBER/merge).",
            ]
        case _:
            return []


def _title(item: "PlannedChange") -> str:
    name = f"{item.former_name} -> {item.workflow}" if item.former_name else item.workflow
    path = f"{item.former_path} -> {item.path}" if item.former_path else item.path
    marks = ["paused"] if item.paused else []
    marks += [f"stays at revision {item.pinned}: pinned"] if item.pinned is not None else []
    marks += ["restored by hand"] if item.restored else []
    return f"{item.action} {name}" + (f" ({path})" if path else "") + "".join(f" [{mark}]" for mark in marks)


def _details(item: "PlannedChange") -> Iterator[str]:
    yield from map(field, item.fields[:FIELDS_MAX])
    if len(item.fields) > FIELDS_MAX:
        yield f"and {len(item.fields) - FIELDS_MAX:,} fields more"
    for trigger in item.triggers:
        yield from _trigger(trigger)
    runs = item.runs_in_flight
    if runs.count:
        more = f" and {runs.count - len(runs.ids):,} more" if runs.count > len(runs.ids) else ""
        yield f"{runs.count:,} in flight, on the old revision until they end: {', '.join(runs.ids)}{more}"


def field(item: "ChangedField") -> str:
    """Return one field that differs as a line."""
    return f"{item.path}: {_value(item.before)} -> {_value(item.after)}"


def _value(value: Any) -> str:
    if value is msgspec.UNSET:
        return "(absent)"
    shown = msgspec.json.encode(value).decode()
    return shown if len(shown) <= VALUE_CHARACTERS_MAX else f"{shown[: VALUE_CHARACTERS_MAX - 1]}…"


def _trigger(item: "PlannedTrigger") -> Iterator[str]:
    before, after = _firings(item.before), _firings(item.after)
    if item.before is not None and before == after:
        if before:
            yield f"trigger {item.name} ({item.kind}) fires as before: {before}"
        return
    yield f"trigger {item.name} ({item.kind}): {'gone' if item.after is None else after or 'no firing'}"
    if before:
        yield f"  before: {before}"


def _firings(times: "list[datetime] | None") -> str:
    return ", ".join(f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in times or ())


def _diagnostic(item: "Diagnostic") -> str:
    hint = f"\n  hint: {item.hint}" if item.hint else ""
    return f"{item.file}:{item.line}:{item.column}: {item.severity} {item.code} {item.message}{hint}"
