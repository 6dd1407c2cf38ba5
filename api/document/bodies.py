"""Bodies that the handlers take or give as they are, and an example of each body that is asked with."""

from collections.abc import Mapping
from typing import Any, Final

_BINARY: Final = {"type": "string", "format": "binary"}
_TEXT: Final = {"type": "string"}

RAW: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "receiveHook": ("application/json", {}),
    "receivePush": ("application/json", {}),
    "validate": ("application/yaml", _TEXT),
}
"""Operations that read the body themselves: its usual media type, and its schema."""

GIVEN: Final[Mapping[str, Mapping[str, Mapping[str, dict[str, Any]]]]] = {
    "followLogs": {"200": {"text/event-stream": _TEXT}},
    "followEvents": {"200": {"text/event-stream": _TEXT}},
    "downloadLogs": {"200": {"text/plain": _TEXT, "application/x-ndjson": _TEXT}},
    "getArtifact": {"200": {"application/octet-stream": _BINARY}, "304": {}},
    "metrics": {"200": {"text/plain": _TEXT}},
    "validate": {"200": {"application/json": {}}},
}
"""Operations whose answer is no value of a type: the content by status and media type."""

EXAMPLES: Final[Mapping[str, Any]] = {
    "triggerRun": {"inputs": {"who": "you"}, "labels": {"asked-by": "monday"}},
    "pauseWorkflow": {"reason": "holidays", "until": "2026-09-01T06:00:00Z"},
    "cancelRun": {"force": False},
    "cancelRuns": {"where": {"state": ["queued"], "workflow": "default/hello"}, "dry_run": True},
    "retryRun": {"from": "greet"},
    "retryRuns": {"where": {"state": ["failed"], "workflow": "default/hello"}, "dry_run": True},
    "rerunRun": {"revision": "original", "inputs": {"who": "all"}},
    "resumeRun": {"inputs": {"who": "me"}, "dry_run": True},
    "decideApproval": {"approved": True, "comment": "read it"},
    "createBackfill": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-08T00:00:00Z", "parallel": 2},
    "planBackfill": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-08T00:00:00Z", "only": "missing"},
    "cancelBackfill": {"runs": True},
    "pinWorkflow": {"revision": 3, "reason": "4 loses rows"},
    "restoreWorkflow": {"reason": "the month is not over"},
    "setSecret": {"value": "hunter2"},
    "logIn": {"name": "ada", "password": "correct horse battery staple"},
    "carryOn": {"refresh_token": "the last one"},
    "logOut": {"refresh_token": "the last one"},
    "changePassword": {"current": "correct horse battery staple", "new": "a longer one than that"},
    "createToken": {"name": "ci", "role": "operator", "namespaces": "sales"},
    "createAccount": {"name": "ada", "roles": [{"role": "editor", "namespaces": "sales"}]},
    "grantRole": {"role": "viewer", "namespaces": "*"},
    "declareSource": {"name": "reports", "kind": "git", "url": "https://example.com/reports.git"},
    "changeSource": {"kind": "git", "url": "https://example.com/reports.git", "ref": "main"},
    "addWebhook": {"name": "ops", "url": "https://example.com/hook", "kinds": ["run.finished", "source.*"]},
    "suspendSource": {"reason": "the forge is being moved"},
    "planSource": {"files": {"hello.yaml": "name: hello\ntasks: {greet: {run: echo hello}}\n"}},
    "validate": "name: hello\ntasks:\n  greet:\n    run: echo hello\n",
    "receiveHook": {"order": 7},
    "receivePush": {"ref": "refs/heads/main"},
}
"""What a request's body may be, by operation."""
