"""Documents broken in any place: never an exception, always a diagnostic that lies inside the file."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from dsl.diagnostics import has_errors
from dsl.loader import load_text

ROOT = Path(__file__).parents[3]
FILES = [path for path in sorted((ROOT / "workflows").glob("*.yaml")) if not path.stem.endswith(".test")]
DOCUMENTS = [yaml.safe_load(path.read_text()) for path in FILES]
REPEAT = {"until": "outputs.up", "every": "5s", "max_attempts": 3}
EVERYTHING: dict[str, Any] = {
    "name": "w",
    "inputs": {
        "n": {"type": "integer", "default": 1, "enum": [1, 2]},
        "o": {"type": "object", "schema": {"type": "object"}, "default": {}},
    },
    "triggers": {
        "c": {
            "cron": ["0 2 * * *"],
            "timezone": "UTC",
            "dst": {"gap": "skip"},
            "inputs": {"n": 2},
            "if": "true == true",
        },
        "e": {"every": "1h", "jitter": "1m", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
        "w": {
            "webhook": {"secret": "HOOK"},
            "if": "trigger.body.x == 1",
            "inputs": {"n": "${{ trigger.body.n }}"},
        },
        "u": {"workflow": {"name": "other", "states": ["failed"]}, "if": "trigger.run.state == 'failed'"},
    },
    "env": {"A": "${{ inputs.n }}"},
    "secrets": ["HOOK", "KEY"],
    "locks": ["a"],
    "slots": {"db": 1},
    "max_consecutive_failures": 3,
    "moved": {"from": "old"},
    "notify": [
        {"on": ["failed"], "webhook": {"url": "${{ secrets.KEY }}", "headers": {"X": "${{ run.failed_tasks }}"}}},
        {"on": ["recovered"], "email": {"to": ["a@example.org"]}},
    ],
    "defaults": {"timeout": "1m", "retry": {"max_attempts": 2, "delay": "1s", "max_delay": "2s"}},
    "concurrency": {"limit": 1, "key": "${{ inputs.n }}"},
    "timeout": "1h",
    "outputs": {"x": "${{ tasks.b.outputs.v }}"},
    "tasks": {
        "a": {"container": {"image": "x:1", "resources": {"memory": "1Mi"}}, "run": "x", "shell": ["x", "{script}"]},
        "b": {"needs": ["a"], "set": {"v": "${{ inputs.n }}"}, "outputs": {"v": "integer"}},
        "c": {"needs": ["b"], "if": "always()", "wait": {"until": "2026-01-01T00:00:00Z"}, "labels": {"x": 1}},
        "d": {"heartbeat": {"url": "http://x", "expect": {"max_latency": "1s", "json": "response.status == 200"}}},
        "e": {"http": {"url": "http://x", "auth": {"bearer": "${{ inputs.n }}"}, "json": {"v": ["${{ inputs.n }}"]}}},
        "f": {
            "run": "x",
            "matrix": {"s": [1, 2], "r": ["a"], "include": [{"s": 1, "t": 2}], "exclude": [{"s": 2}]},
            "max_parallel": 2,
            "fail_fast": False,
            "env": {"S": "${{ matrix.s + 1 }}"},
            "outputs": {"o": "integer"},
            "artifacts": ["*.csv"],
            "slots": {"x": 1},
        },
        "g": {
            "needs": ["f"],
            "for_each": "tasks.f.outputs.o",
            "run": "x",
            "env": {"I": "${{ item }} ${{ index }}"},
            "secrets": ["OWN"],
            "cache": {"key": "${{ item }}", "ttl": "1d"},
        },
        "h": {"run": "x", "env": {"K": "${{ secrets.KEY }}"}, "outputs": {"up": "boolean"}, "repeat": REPEAT},
        "i": {"approval": {"message": "go ${{ inputs.n }}?", "by": ["ops"], "timeout": "1h"}},
        "j": {"workflow": {"name": "other", "inputs": {"n": "${{ inputs.n }}"}}, "allow_failure": True},
    },
    "on_failure": {"k": {"run": "x", "env": {"F": "${{ run.failed_tasks }}"}, "if": "run.state == 'failed'"}},
    "on_success": [{"id": "l", "set": {"v": "${{ tasks.b.state }}"}}],
    "finally": {"m": {"run": "x"}, "o": {"needs": ["m"], "run": "x", "if": "failure()"}},
}
SEQUENCE: dict[str, Any] = {"name": "v", "tasks": [{"id": "a", "run": "x"}, {"id": "b", "wait": "1m"}]}
KEYS = ["x", "needs", "if", "run", "cron", "secrets", "matrix", "for_each", "repeat", "cache", "include", "locks"]
JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    3.5,
    10**18,
    "",
    "x",
    "a-b",
    "1h",
    "${{ x",
    "${{ inputs.n }}",
    "${{ matrix.s }}",
    "${{ secrets.KEY }}",
    "tasks.f.outputs.o",
    [],
    [{}],
    [{"a": 1}],
    [1],
    {},
    {"x": 1},
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in children for found in paths(item, (*path, key)))]


def break_one(document: Any, chance: random.Random) -> None:
    path = chance.choice(paths(document)[1:])
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    choice = chance.random()
    if choice < 0.6:
        parent[path[-1]] = copy.deepcopy(chance.choice(JUNK))
    elif choice < 0.8:
        del parent[path[-1]]
    elif isinstance(parent, dict):
        parent[chance.choice(KEYS)] = copy.deepcopy(chance.choice(JUNK))


def test_the_whole_documents_are_right() -> None:
    for document in (EVERYTHING, SEQUENCE):
        assert not has_errors(load_text(json.dumps(document), "w.yaml").diagnostics)


@pytest.mark.parametrize("seed", range(6))
def test_no_broken_document_raises(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        document = copy.deepcopy(chance.choice([EVERYTHING, EVERYTHING, SEQUENCE, *DOCUMENTS]))
        for _ in range(chance.randint(1, 4)):
            if len(paths(document)) > 1:
                break_one(document, chance)
        text = yaml.safe_dump(document) if chance.random() < 0.5 else json.dumps(document, indent=1)
        lines = text.splitlines()
        result = load_text(text, "w.yaml")
        assert has_errors(result.diagnostics) != bool(result.workflows)
        for item in result.diagnostics:
            assert 1 <= item.line <= item.end_line <= len(lines) + 1
            assert (item.line, item.column) < (item.end_line, item.end_column)
