"""What a file does not say, because the part that would say it is misshapen: expressions about it are left alone."""

from collections.abc import Iterable
from typing import Final

from dsl.stages import STAGES
from dsl.syntax.violations import Path

_SAYING: Final = frozenset({"set", "outputs"})
"""What of a task says which names there are."""


def doubtful_names(violated: Iterable[Path]) -> frozenset[str]:
    """Return the beginnings of the names whose meaning a fault at one of the paths leaves open."""
    return frozenset(name for path in violated for name in _names(path))


def _names(path: Path) -> Iterable[str]:
    match path:
        case ("inputs",):
            return ("inputs.",)
        case (stage,) if stage in STAGES:
            return ("tasks.",)
        case ("env", *_):
            return ("env.",)
        case ("inputs", str() as name, *_):
            return (f"inputs.{name}",)
        case (stage, _, "matrix", *_) if stage in STAGES:
            return ("matrix.",)
        case (stage, str() as name, *rest) if stage in STAGES and (len(rest) < 2 or rest[0] in _SAYING):
            return (f"tasks.{name}",)
        case (stage, int(), *_) if stage in STAGES:
            return ("tasks.",)
        case _:
            return ()
