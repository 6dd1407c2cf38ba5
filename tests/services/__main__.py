"""The command: `python -m tests.services up|down|status [postgres] [rabbitmq] [docker]`."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from tests.services import KINDS, Outcome, down, status, up


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code: `up` fails for a missing service only in CI, `status` always."""
    parser = argparse.ArgumentParser(prog="python -m tests.services", description="The real services of the tests.")
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("services", nargs="*", metavar="service", help=f"of {', '.join(KINDS)}; all unless told")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.services) - KINDS.keys():
        parser.error(f"unknown service: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    names = list(dict.fromkeys(chosen.services)) or list(KINDS)
    if chosen.command == "down":
        print(f"stopped: {', '.join(down(names)) or 'nothing was running'}")
        return 0
    outcomes = up(names) if chosen.command == "up" else status(names)
    complete = _report(outcomes)
    return 0 if complete or (chosen.command == "up" and os.environ.get("CI") != "true") else 1


def _report(outcomes: Mapping[str, Outcome]) -> bool:
    for name, outcome in outcomes.items():
        if outcome.error:
            print(f"{name:9} unavailable: {outcome.error}", file=sys.stderr)
        else:
            print(f"{name:9} {outcome.url}")
    return not any(outcome.error for outcome in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
