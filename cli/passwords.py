"""Passwords as people give them: typed without being seen, or from standard input."""

import sys

import click

from cli.errors import CliError


def asked(what: str, *, twice: bool = False) -> str:
    """Return the password that is typed, or the first line of standard input."""
    if sys.stdin.isatty():
        typed: str = click.prompt(what, hide_input=True, confirmation_prompt=twice)
        return typed
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CliError(f"the {what} on standard input is not UTF-8", "type it, or send text") from error
