"""The `chronoverse` command. Each subcommand's module is loaded when it is called, so that starting stays fast."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

COMMANDS: Final[Mapping[str, str]] = {
    "init": "cli.beginning:init",
    "up": "cli.roles:up",
    "run": "cli.run_file:run",
    "validate": "cli.validation:validate",
    "fmt": "cli.formatting:fmt",
    "test": "cli.testing:test",
    "graph": "cli.graph:graph",
    "simulate": "cli.simulation:simulate",
    "schema": "cli.validation:schema",
    "workflows": "cli.workflows:workflows",
    "history": "cli.history:history",
    "diff": "cli.history:diff",
    "trigger": "cli.runs:trigger",
    "runs": "cli.runs:runs",
    "logs": "cli.log_search:logs",
    "stats": "cli.analytics:stats",
    "artifacts": "cli.artifacts:artifacts",
    "explain": "cli.explanation:explain",
    "cancel": "cli.runs:cancel",
    "retry": "cli.run_again:retry",
    "rerun": "cli.run_again:rerun",
    "backfill": "cli.backfills:backfill",
    "backfills": "cli.backfills:backfills",
    "notifications": "cli.notifications:notifications",
    "events": "cli.events:events",
    "webhook": "cli.webhooks:webhook",
    "approvals": "cli.approvals:approvals",
    "approve": "cli.approvals:approve",
    "reject": "cli.approvals:reject",
    "pause": "cli.workflows:pause",
    "resume": "cli.run_again:resume",
    "pin": "cli.drift:pin",
    "unpin": "cli.drift:unpin",
    "restore": "cli.drift:restore",
    "drift": "cli.drift:drift",
    "secret": "cli.secrets:secret",
    "source": "cli.sources:source",
    "plan": "cli.plans:plan",
    "wait": "cli.commits:wait",
    "commits": "cli.commits:commits",
    "config": "cli.configuration:config",
    "workers": "cli.workers:workers",
    "login": "cli.login:login",
    "logout": "cli.login:logout",
    "whoami": "cli.login:whoami",
    "account": "cli.accounts:account",
    "audit": "cli.audit:audit",
    "token": "cli.accounts:token",
    "doctor": "cli.doctor:doctor",
    "api": "cli.roles:api",
    "engine": "cli.roles:engine",
    "scheduler": "cli.roles:scheduler",
    "worker": "cli.roles:worker",
    "sync": "cli.roles:sync",
}
"""Every subcommand and where it is, in the order of `--help`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Return every subcommand's name."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's interface
        """Return one subcommand, or None for a name that is not known."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="chronoverse", prog_name="chronoverse")
def cli() -> None:
    """Workflows as code: YAML in git, checked like a program, run on schedule."""


def main(**given: Any) -> None:
    """Run the command line: the process's entry. Exits 0, 1 (something failed) or 2 (misuse)."""
    cli.main(prog_name="chronoverse", **given)
