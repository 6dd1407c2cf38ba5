"""Literals that look like credentials: a repository is no place for them."""

import re
from collections.abc import Iterator
from typing import Any, Final

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.syntax.violations import Path

_TOKENS: Final = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{40,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bsk_live_[A-Za-z0-9]{16,}|\bAIza[A-Za-z0-9_-]{35}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r"|\b[a-z][a-z0-9+.-]*://[^\s/:@$]+:[^\s/@$]+@"
    r"|\bhooks\.slack\.com/services/[A-Za-z0-9_/-]{12,}|\bdiscord(?:app)?\.com/api/webhooks/\d+/[\w-]{12,}"
    r"|\b[\w-]+\.webhook\.office\.com/webhookb2/[\w@/-]{12,}",
)
_SIGNED: Final = re.compile(r"(?i)[?&](?:access_token|token|key|api_?key|secret|sig|signature|password)=[^&\s$]{6,}")
"""A part of an address that lets in whoever has it: no notification needs it in clear."""

_NAMES: Final = re.compile(
    r"(?i)(?:^|[_-])(?:password|passwd|secret|token|api_?key|private_?key|credentials?)$|^authorization$"
)
_MARKS: Final = (
    *(
        "AKIA",
        "ASIA",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "sk_live_",
        "AIza",
        "eyJ",
    ),
    *("PRIVATE KEY", "@", "hooks.slack.com", "/api/webhooks/", "webhook.office.com", "notify:"),
)
_WORDS: Final = ("password", "passwd", "secret", "token", "apikey", "api_key", "private", "credential", "authorization")
"""What must stand in a file for any of the above to match: most files are done with after a quick look."""
_LENGTH_MIN: Final = 6


def credentials(subject: Subject) -> Iterator[Fault]:
    """Find text that has the form of a known kind of token, or stands under a name that says so."""
    folded = subject.text.lower()
    if not any(word in folded for word in _WORDS) and not any(mark in subject.text for mark in _MARKS):
        return
    for path, value in _texts(subject.value, ()):
        if path[-1] == "description":
            continue
        match = _TOKENS.search(value) or (_SIGNED.search(value) if path[0] == "notify" else None)
        if match:
            place = (match.start(), match.end() - match.start())
            yield subject.inside("W0341", "this looks like a credential", path, place, _HINT)
        elif _named_so(path, value):
            yield subject.at_value("W0341", f"'{path[-1]}' looks like a credential written out", path, _HINT)


_HINT: Final = "keep it in a secret, and remove it from the history"


def _named_so(path: Path, value: str) -> bool:
    written = len(value) >= _LENGTH_MIN and "${{" not in value and not value.startswith(("/", "./"))
    holder = path[-2] if len(path) > 1 else ""
    return (
        written
        and holder in {"env", "headers", "form", "query", "basic", "auth"}
        and bool(_NAMES.search(str(path[-1])))
    )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))
