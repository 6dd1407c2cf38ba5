"""What a file does not say, because the part that would say it is misshapen: expressions about it are left alone."""

from collections.abc import Iterable

from dsl.syntax.violations import Path


def doubtful_names(violated: Iterable[Path]) -> frozenset[str]:
    """Return the beginnings of the names whose meaning a fault at one of the paths leaves open."""
    return frozenset(name for path in violated for name in _names(path))


def _names(path: Path) -> Iterable[str]:
    match path:
        case ("inputs" | "tasks" as root,):
            return (f"{root}.",)
        case ("inputs", str() as name, *_):
            return (f"inputs.{name}",)
        case ("tasks", str() as name, *rest) if len(rest) < 2 or rest[0] in {"set", "outputs"}:
            return (f"tasks.{name}",)
        case ("tasks", int(), *_):
            return ("tasks.",)
        case _:
            return ()
