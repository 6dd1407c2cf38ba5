"""`chronoverse init`: a first workflow and its test, to begin with."""

from pathlib import Path
from typing import Final

import click

from cli.errors import CliError

WORKFLOW: Final = """\
# A first workflow: two tasks, on a schedule and by hand. All fields, and what they mean: chronoverse schema
name: first
description: Count words every morning, and say how many there were.

inputs:
  text: {type: string, description: What is counted, default: the quick brown fox}

triggers:
  morning:
    cron: "0 7 * * *"
    timezone: UTC

tasks:
  count:
    run: echo "words=$(wc -w <<< "$TEXT")" >> "$CHRONOVERSE_OUTPUT"
    retry: {max_attempts: 3, delay: 5s}
    timeout: 1m
    env: {TEXT: "${{ inputs.text }}"}
    outputs: {words: integer}

  tell:
    needs: [count]
    run: echo "there were $WORDS words"
    timeout: 1m
    env: {WORDS: "${{ tasks.count.outputs.words }}"}
"""

TEST: Final = """\
# Tests of first.yaml: nothing runs, what tasks would give is said here, and time is simulated.
tests:
  tells-what-was-counted:
    mocks: {count: {outputs: {words: 4}}}
    expect:
      state: succeeded
      tasks: {tell: {env: {WORDS: "4"}}}

  counting-is-tried-three-times:
    mocks: {count: {exit_code: 1}}
    expect:
      state: failed
      tasks: {count: {state: failed, attempts: 3}, tell: skipped}
"""

FILES: Final = {"first.yaml": WORKFLOW, "first.test.yaml": TEST}


@click.command("init")
@click.argument("folder", metavar="[DIR]", default="workflows", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Write a first workflow and its test into DIR (by default `workflows`). Overwrites nothing."""
    there = [str(folder / name) for name in FILES if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        raise CliError(
            f"{', '.join(there)}: already there, nothing was written", "`chronoverse init DIR` writes elsewhere"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
            click.echo(f"wrote {folder / name}")
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}", "name a folder that can be written to") from error
    click.echo("\n".join(_next_steps(folder)))


def _next_steps(folder: Path) -> list[str]:
    import shlex

    place, file = shlex.quote(str(folder)), shlex.quote(str(folder / "first.yaml"))
    steps = {
        f"chronoverse validate {place}": "check it",
        f"chronoverse test {place}": "play its tests",
        f"chronoverse graph {file}": "draw it",
        f"chronoverse run {file}": "run it here and now, without a server",
        f"chronoverse up --workflows {place}": "run everything, on schedule",
    }
    width = max(map(len, steps))
    return ["\nNext:", *(f"  {command:<{width}}  # {what}" for command, what in steps.items())]
