"""How a script is handed to its shell."""

from collections.abc import Sequence

from workers.runners.interface import RunnerError

PLACE = "{script}"


def shell_argv(shell: object, script: str) -> list[str]:
    """Return the command that runs the file `script`: by a shell's name, or by an argv that names `{script}`."""
    match shell:
        case "bash":
            return ["bash", "-euo", "pipefail", script]
        case "sh":
            return ["sh", "-e", script]
        case "python":
            return ["python3", script]
        case [*argv] if argv:
            return _fill([str(part) for part in argv], script)
    raise RunnerError(f"no such shell: {shell!r}\n  hint: bash, sh, python, or a list such as [perl, '{PLACE}']")


def _fill(argv: Sequence[str], script: str) -> list[str]:
    filled = [part.replace(PLACE, script) for part in argv]
    return filled if filled != list(argv) else [*filled, script]
