"""`did you mean …?`: the nearest of the names that would have been right."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LENGTH_MAX: Final = 60
_CANDIDATES_MAX: Final = 1_000


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like `name`, or None when none is near."""
    if len(name) > _LENGTH_MAX:
        return None
    known = sorted(candidates)[:_CANDIDATES_MAX]
    by_folded = {candidate.lower(): candidate for candidate in reversed(known)}
    found = get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """Return the hint that names the nearest candidate, or `otherwise`."""
    found = nearest(name, candidates)
    return f"did you mean '{found}'?" if found else otherwise
