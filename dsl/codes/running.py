"""Codes of how often a task runs, and of what it waits for: fan-outs, sensors, caches, locks."""

from typing import Final

from dsl.codes.entry import Code, workflow


def _task(fields: str, *, before: str = "") -> str:
    return workflow(f"{before}tasks:\n  a: {{run: x, {fields}}}\n")


RUNNING: Final = (
    Code(
        "E0350",
        "two fan-outs",
        "A task is fanned out by a `matrix`, which is known before, or by `for_each`, which is worked out.",
        _task("matrix: {s: [1, 2]}, for_each: '[1, 2]'"),
        3,
        36,
        _task("matrix: {s: [1, 2]}"),
    ),
    Code(
        "E0351",
        "no fan-out",
        "`max_parallel` and `fail_fast` say how the items of a fan-out run.",
        _task("max_parallel: 2"),
        3,
        15,
        _task("max_parallel: 2, matrix: {s: [1, 2, 3]}"),
    ),
    Code(
        "E0352",
        "matrix of no use",
        "A matrix has at least one combination left, and at most 10,000.",
        _task("matrix: {s: [1], exclude: [{s: 1}]}"),
        3,
        15,
        _task("matrix: {s: [1, 2], exclude: [{s: 1}]}"),
    ),
    Code(
        "E0353",
        "unknown axis",
        "`exclude` names axes of the matrix.",
        _task("matrix: {shard: [1, 2], exclude: [{shart: 1}]}"),
        3,
        50,
        _task("matrix: {shard: [1, 2], exclude: [{shard: 1}]}"),
    ),
    Code(
        "W0354",
        "part of a matrix that changes nothing",
        "No combination has the values to be excluded, or `include` adds a name that is almost an axis and used "
        "nowhere.",
        _task("matrix: {s: [1, 2], exclude: [{s: 3}]}"),
        3,
        45,
        _task("matrix: {s: [1, 2], exclude: [{s: 2}]}"),
    ),
    Code(
        "E0355",
        "sensor without an end",
        "A `repeat` ends after `max_attempts` tries; a task that may be tried for ever is a mistake.",
        _task("outputs: {up: boolean}, repeat: {until: outputs.up, every: 30s}"),
        3,
        39,
        _task("outputs: {up: boolean}, repeat: {until: outputs.up, every: 30s, max_attempts: 9}"),
    ),
    Code(
        "E0356",
        "field that does nothing",
        "A kind that the engine carries out itself makes no attempts, has no files and holds no worker.",
        workflow("tasks:\n  a: {wait: 5m, retry: {max_attempts: 2}}\n"),
        3,
        17,
        workflow("tasks:\n  a: {run: x, retry: {max_attempts: 2}}\n"),
    ),
    Code(
        "W0357",
        "key that never changes",
        "A cache's key names what the result depends on. One that never changes, without `ttl`, is reused for good.",
        _task("cache: {key: rows}"),
        3,
        28,
        _task("cache: {key: rows, ttl: 1d}"),
    ),
    Code(
        "E0358",
        "locks out of order",
        "What a run holds from start to end sorts before what its tasks wait for meanwhile: locks before slots, each "
        "in the order of the names. So no two runs ever wait for each other.",
        _task("locks: [archive]", before="locks: [warehouse]\n"),
        4,
        23,
        _task("locks: [warehouse]", before="locks: [archive]\n"),
    ),
)
