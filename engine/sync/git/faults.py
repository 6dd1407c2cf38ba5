"""What went wrong with a server, from what libgit2 says: one word for machines, and what to do for people.

libgit2 1.9 tells kinds of errors apart by class and text; the tests show each of these by a real server.
"""

import re
from typing import Final

import pygit2

from engine.sync.git.refs import NoRefError

SAID_CHARACTERS_MAX: Final = 300
_HTTP: Final = re.compile(r"unexpected http status code: (\d{3})")
_TIMED_OUT: Final = re.compile(r"timed out", re.IGNORECASE)
_MISSING: Final = re.compile(
    r"does not appear to be a git repository|repository .*not (be )?found|no such (file|repo)|failed to resolve path"
    r"|could not find repository|does not exist|project you were looking for could not be found",
    re.IGNORECASE,
)
_REFUSED: Final = re.compile(
    r"access denied|permission( to .*)? denied|not allowed|authenticat|forbidden", re.IGNORECASE
)
_UNREACHABLE: Final = re.compile(
    r"failed to (connect|resolve address)|could not (read|write)|(unexpected|early) EOF|connection|broken pipe|socket",
    re.IGNORECASE,
)


class LoginError(Exception):
    """The server wants other credentials than there are, or refused these."""


class RedirectError(Exception):
    """The server sends somewhere that the credentials are not for."""


class TooLargeError(Exception):
    """The server sends more than a fetch may receive."""


class MirrorError(Exception):
    """The mirror cannot be used: it is to be made anew."""


def explained(error: Exception, url: str) -> tuple[str, str]:
    """Return the reason and the message for what a transfer raised."""
    said = _said(error)
    match error:
        case NoRefError():
            return error.reason, str(error)
        case LoginError() | pygit2.AuthError():
            return "auth_failed", f"{url} does not let us in: {said}\n  hint: check the secrets that 'auth' names"
        case pygit2.CertificateError() if url.startswith("https"):
            return (
                "tls",
                f"the certificate of {url} is not valid: {said}\n  hint: for a CA of your own: auth.ca_file",
            )
        case pygit2.CertificateError():
            hint = "compare what ssh-keyscan shows with what the forge publishes, and put it into auth.known_hosts"
            return "host_key", f"{url} shows a host key that auth.known_hosts does not have\n  hint: {hint}"
        case RedirectError():
            return "redirected", f"{url} sends elsewhere: {said}\n  hint: put the repository's new address into 'url'"
        case TooLargeError():
            return "too_large", f"{url}: {said}\n  hint: limits.fetch_bytes_max, or a repository for workflows alone"
        case MirrorError():
            return "damaged", f"the mirror of {url} is damaged: {said}"
        case _:
            return _by_text(said, url)


def _by_text(said: str, url: str) -> tuple[str, str]:
    if found := _HTTP.search(said):
        return _of_status(int(found[1]), url)
    if "cannot redirect" in said or "redirect" in said:
        return "redirected", f"{url} sends elsewhere: {said}\n  hint: put the repository's new address into 'url'"
    if "SSL error" in said or "certificate" in said:
        return (
            "tls",
            f"{url} cannot be spoken to in TLS: {said}\n  hint: is it https? For a CA of your own: auth.ca_file",
        )
    if _TIMED_OUT.search(said):
        return (
            "timeout",
            f"{url} says nothing: {said}\n  hint: it is asked again; silence_seconds is how long it may take",
        )
    if _MISSING.search(said):
        return _not_found(url, said)
    if _REFUSED.search(said):
        return "auth_failed", f"{url} does not let us in: {said}\n  hint: check the secrets that 'auth' names"
    if _UNREACHABLE.search(said):
        return "unreachable", f"{url} cannot be reached: {said}\n  hint: it is asked again; check address and network"
    return "failed", f"{url} cannot be fetched: {said}"


def _of_status(status: int, url: str) -> tuple[str, str]:
    match status:
        case 401 | 403:
            return (
                "auth_failed",
                f"{url} does not let us in (HTTP {status})\n  hint: check the secrets that 'auth' names",
            )
        case 404 | 410:
            return _not_found(url, f"HTTP {status}")
        case 429:
            return "rate_limited", f"{url} wants fewer requests (HTTP 429)\n  hint: raise interval_seconds"
        case _:
            return "server_error", f"{url} answers with HTTP {status}\n  hint: it is asked again"


def _not_found(url: str, said: str) -> tuple[str, str]:
    hint = "check 'url'; a server may also say so of what these credentials may not see"
    return "not_found", f"there is no repository {url} ({said})\n  hint: {hint}"


def _said(error: Exception) -> str:
    """What was said, in one line: it may come from the server, which may say anything."""
    text = " ".join(str(error).split())
    return "".join(character if character.isprintable() else "?" for character in text)[:SAID_CHARACTERS_MAX]
