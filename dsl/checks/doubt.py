"""What a file does not say, because the part that would say it is misshapen: expressions about it are left alone."""

from collections.abc import Iterable
from typing import Final

from dsl.stages import STAGES
from dsl.suggest import nearest
from dsl.syntax.violations import Path

_SAYING: Final = frozenset({"set", "outputs"})
"""What of a task says which names there are."""


_OF_WORKFLOW: Final = {
    "inputs": ("inputs.",),
    "env": ("env.",),
    "secrets": ("secrets.",),
    **dict.fromkeys(STAGES, ("tasks.",)),
}
_OF_TASK: Final = {
    "env": ("env.",),
    "secrets": ("secrets.",),
    "matrix": ("matrix.",),
    "for_each": ("item", "index"),
    "outputs": ("outputs.",),
}
"""Which names a field gives a meaning."""


def doubtful_names(violated: Iterable[Path]) -> frozenset[str]:
    """Return the beginnings of the names whose meaning a fault at one of the paths leaves open."""
    return frozenset(name for path in violated for name in (*_names(path), *_meant(path)))


def _meant(path: Path) -> Iterable[str]:
    """Return what a field of the workflow or of a task gives names to, or would if it were spelt right."""
    if len(path) == 1 or (len(path) == 3 and path[0] in STAGES):
        fields = _OF_WORKFLOW if len(path) == 1 else _OF_TASK
        return fields.get(nearest(str(path[-1]), fields) or "", ())
    return ()


def _names(path: Path) -> Iterable[str]:
    match path:
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
