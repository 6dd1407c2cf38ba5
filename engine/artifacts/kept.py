"""What is said of artifacts, and what can go wrong with them."""

from dataclasses import dataclass
from typing import Final

CHECKOUTS: Final = "checkouts"
"""What source trees are kept under, in the place of a run."""


class ArtifactError(Exception):
    """An artifact cannot be kept or had; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a file that was kept: of which run, its size in bytes, its content."""

    run_id: str
    size: int
    sha256: str
