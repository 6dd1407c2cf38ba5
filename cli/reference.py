"""The command line's reference (`docs/cli.md`), made from the commands' own help."""

from collections.abc import Iterator
from typing import Final

import click

from cli.main import cli

WIDTH: Final = 100
HEAD: Final = """# The command line

Made from `chronoverse --help` by `python -m cli.reference`; a test keeps it current.

Exit status: 0 fine, 1 something failed or was found, 2 the command was not written as it must be. Commands that ask the
API find it by `CHRONOVERSE_API_URL` (default `http://127.0.0.1:8080`). `NAME` without a namespace means `default/NAME`.
"""


def reference() -> str:
    """Return the reference as Markdown."""
    root = click.Context(cli, info_name="chronoverse", terminal_width=WIDTH, **cli.context_settings)
    return "\n".join([HEAD, *_section(cli, root, level=2)])


def _section(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{context.command_path}`\n"
    yield f"```text\n{command.get_help(context).strip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                inner = click.Context(below, info_name=name, parent=context)
                yield from _section(below, inner, min(level + 1, 4))


if __name__ == "__main__":
    click.echo(reference(), nl=False)
