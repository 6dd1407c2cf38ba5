"""How a command fails: a sentence that says what, a hint that says what to do, exit status 1."""

from typing import IO, Any

import click


class CliError(click.ClickException):
    """A command could not do what it was asked for."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        """`status` is that of the API's answer, where there was one."""
        super().__init__(message)
        self.hint = hint
        self.status = status

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message and the hint to stderr."""
        click.echo(f"{click.style('error:', fg='red', bold=True)} {self.message}", err=True, file=file)
        if self.hint:
            click.echo(f"  {click.style('hint:', fg='cyan')} {self.hint}", err=True, file=file)


class UnreachableError(CliError):
    """The API does not answer."""
