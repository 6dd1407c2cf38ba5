"""A forecast as one SVG that needs nothing else: a row for each trigger, a bar for each run, light and dark."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from xml.sax.saxutils import escape

from engine.schedule.forecast import Effect, Forecast, Planned

PLOT: Final = 860.0
ROW: Final = 30.0
TOP: Final = 44.0
CHARACTER: Final = 7.3
TICK_SECONDS: Final = (60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000, 7_776_000)
TICKS_MAX: Final = 10
BAR_MIN: Final = 2.0

STYLE: Final = """
svg{--back:#fff;--ink:#1c2430;--soft:#5b6675;--grid:#e1e6ed;--starts:#2563eb;--waits:#d97706;--bad:#dc2626}
@media(prefers-color-scheme:dark){svg{--back:#12161c;--ink:#e6eaf0;--soft:#9aa5b4;--grid:#2a323d;--starts:#6ea8fe;
--waits:#f5b14c;--bad:#f87171}}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--soft)}.row{fill:var(--ink)}
.back{fill:var(--back)}line{stroke:var(--grid)}.starts{fill:var(--starts)}.waits{fill:var(--waits)}
.skipped,.replaces{fill:var(--bad)}.skipped{fill-opacity:.45}
""".replace("\n", "")


def timeline(found: Forecast, start: datetime, end: datetime) -> str:
    """Return the SVG, ending with a line break. Bars begin where runs begin; a skipped firing is a thin pale mark."""
    rows = list(dict.fromkeys(sorted(f"{item.workflow}/{item.trigger}" for item in found.firings)))
    left = max(map(len, rows), default=0) * CHARACTER + 32
    width, height = left + PLOT + 40, TOP + len(rows) * ROW + 40
    scale = PLOT / max((end - start).total_seconds(), 1.0)
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="firings">',
        f'<style>{STYLE}</style><rect class="back" width="100%" height="100%"/>',
        *_axis(start, end, left, scale, height - 34),
    ]
    for number, row in enumerate(rows):
        parts.append(f'<text class="row" x="16" y="{TOP + number * ROW + 19:g}">{escape(row)}</text>')
    place = {row: TOP + number * ROW + 6 for number, row in enumerate(rows)}
    parts += [_bar(item, place[f"{item.workflow}/{item.trigger}"], start, end, left, scale) for item in found.firings]
    legend = " · ".join(f'<tspan class="{effect}">■ {effect}</tspan>' for effect in Effect)
    legend += f" · cut off: {found.left_out_shown} more" if found.truncated else ""
    parts.append(f'<text x="16" y="{height - 12:g}">times in UTC · {legend}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _axis(start: datetime, end: datetime, left: float, scale: float, bottom: float) -> Iterator[str]:
    for moment, text in _ticks(start, end):
        x = left + (moment - start).total_seconds() * scale
        yield f'<line x1="{x:g}" x2="{x:g}" y1="{TOP - 10}" y2="{bottom:g}"/>'
        yield f'<text x="{x:g}" y="{TOP - 18}" text-anchor="middle">{text}</text>'


def _ticks(start: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
    """Yield at most `TICKS_MAX` round moments with their labels."""
    seconds = (end - start).total_seconds()
    step = next((step for step in TICK_SECONDS if seconds / step <= TICKS_MAX), int(seconds / TICKS_MAX) + 1)
    moment = datetime.fromtimestamp(-(-start.timestamp() // step) * step, start.tzinfo)
    while moment < end:
        yield moment, f"{moment:%m-%d}" if step >= TICK_SECONDS[7] else f"{moment:%d. %H:%M}"
        moment += timedelta(seconds=step)


def _bar(item: Planned, y: float, start: datetime, end: datetime, left: float, scale: float) -> str:
    begin = item.nominal if item.start is None else min(item.start, end)
    stop = begin if item.end is None else min(item.end, end)
    x = left + (begin - start).total_seconds() * scale
    width = max((stop - begin).total_seconds() * scale, BAR_MIN)
    tip = escape(f"{item.nominal:%Y-%m-%dT%H:%M:%SZ} {item.effect}")
    shape = f'x="{x:g}" y="{y:g}" width="{width:g}" height="18" rx="2"'
    return f'<rect class="{item.effect}" {shape}><title>{tip}</title></rect>'
