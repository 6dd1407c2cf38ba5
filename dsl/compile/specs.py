"""The block of each kind, normalised as `dsl.model.Task` documents it."""

from typing import Any

from dsl.compile.values import seconds, texts
from dsl.durations import parse_duration
from dsl.sizes import parse_size

Spec = dict[str, Any]


def run(block: Spec) -> Spec:
    """Normalise a script."""
    return {"script": block["run"], "shell": block.get("shell", "bash")}


def container(block: Spec) -> Spec:
    """Normalise a container, and the script inside it if there is one."""
    spec = {"pull": "missing", "read_only": False, **block["container"]}
    resources = dict(spec.pop("resources", {}))
    if "memory" in resources:
        resources["memory_bytes"] = parse_size(resources.pop("memory"))
    spec["resources"] = resources
    return {**spec, **run(block)} if "run" in block else spec


def http(block: Spec) -> Spec:
    """Normalise a request."""
    spec = {"method": "GET", "follow_redirects": True, "verify_tls": True, **block["http"]}
    for name in ("headers", "form"):
        if name in spec:
            spec[name] = texts(spec[name])
    return spec


def heartbeat(block: Spec) -> Spec:
    """Normalise a health check; its durations become seconds."""
    spec = {"method": "GET", **block["heartbeat"]}
    if "headers" in spec:
        spec["headers"] = texts(spec["headers"])
    expect = dict(spec.get("expect", {}))
    for name in ("max_latency", "tls_valid_for"):
        if name in expect:
            expect[f"{name}_seconds"] = seconds(expect.pop(name))
    spec["expect"] = expect
    return spec


def wait(block: Spec) -> Spec:
    """Normalise a pause."""
    pause = block["wait"]
    return {"seconds": parse_duration(pause)} if isinstance(pause, str) else {"until": pause["until"]}


def values(block: Spec) -> Spec:
    """Normalise computed values."""
    return {"values": block["set"]}


def approval(block: Spec) -> Spec:
    """Normalise a question to a person; its timeout becomes seconds."""
    spec = {"on_timeout": "fail", **block["approval"]}
    spec["by"] = sorted(spec.get("by", ()))
    if "timeout" in spec:
        spec["timeout_seconds"] = seconds(spec.pop("timeout"))
    return spec


def child(block: Spec) -> Spec:
    """Normalise a child run. Its name is made whole by the workflow's namespace, which only the whole knows."""
    return {"inputs": {}, "wait": True, **block["workflow"]}
