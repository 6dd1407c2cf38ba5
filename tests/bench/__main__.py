"""Runs the measures whose names hold one of the words given (all without any) and writes docs/benchmarks.md."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.bench import bench_git_sync, bench_rehearsal, engine, million_reads, recovery, server
from tests.bench.measure import Figure, Measure

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
RESULTS = ROOT / ".services" / "benchmarks.json"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def _measures() -> list[Measure]:
    return [
        *engine.measures(),
        *server.measures(),
        *recovery.measures(),
        *bench_rehearsal.measures(),
        *bench_git_sync.measures(),
        *million_reads.measures(),
    ]


def _as_installed() -> None:
    """Let the processes measured have compiled code, as installed: from source they start half as fast."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(RESULTS.with_name("pycache"))


def main(words: list[str]) -> None:
    _as_installed()
    figures = _earlier()
    for measure in _measures():
        if words and not any(word in measure.name for word in words):
            continue
        print(f"{measure.name} … ", end="", flush=True)
        samples = tuple(measure.run())
        figure = Figure(measure.name, measure.unit, measure.target, measure.more, samples)
        figures[measure.name] = figure
        print(f"{figure.middle:.3g} {figure.unit}  {figure.verdict}", flush=True)
        _keep(figures)
    names = [measure.name for measure in _measures()]
    _write([figures[name] for name in names if name in figures])


def _earlier() -> dict[str, Figure]:
    if not RESULTS.exists():
        return {}
    return {
        item["name"]: Figure(**{**item, "samples": tuple(item["samples"])}) for item in json.loads(RESULTS.read_text())
    }


def _keep(figures: dict[str, Figure]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    fields = ("name", "unit", "target", "more", "samples")
    RESULTS.write_text(json.dumps([{name: getattr(item, name) for name in fields} for item in figures.values()]))


def _write(figures: list[Figure]) -> None:
    rows = ["| measure | target | median | spread (min to max) | met |", "| --- | --- | --- | --- | --- |"]
    for item in figures:
        sign = "≥" if item.more else "≤"
        target = f"{sign} {item.target:g} {item.unit}" if item.target is not None else ""
        spread = f"{min(item.samples):.3g} to {max(item.samples):.3g} ({len(item.samples)})"
        rows.append(f"| {item.name} | {target} | {item.middle:.3g} {item.unit} | {spread} | {item.verdict} |")
    packages = ("sqlalchemy", "pika", "psycopg", "litestar", "cel-expr-python", "msgspec")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, {versions}."
    )
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    table = "\n".join(rows)
    PAGE.write_text(f"{head}{BEGIN}\n\n{machine}\n\n{table}\n\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
