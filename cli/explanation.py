"""`explain`: why something is not running, what a diagnostic means, where a file's values come from.

Told apart by the shape of the argument: a code is a letter and four digits, a file ends in `.yaml` or `.yml`, a run is
a UUID, anything else names a workflow.
"""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.arguments import WORKFLOW, is_run_id
from cli.errors import CliError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:
    from dsl.defaults.effective import Effective, Explained

_CODE: Final = re.compile(r"[EW][0-9]{4}", re.IGNORECASE)


@click.command()
@click.argument("subject", metavar="RUN|WORKFLOW|FILE|CODE")
@click.argument("task", required=False)
@as_json
def explain(subject: str, task: str | None, json_output: bool) -> None:
    """Explain a run, a workflow, a file or a diagnostic's code.

    RUN or WORKFLOW: why it is not running: what the engine asks, each with its answer. FILE [TASK]: every effective
    value, and the file and line that it comes from. CODE (such as E0312): what the diagnostic means, with examples.
    """
    is_file = subject.endswith((".yaml", ".yml"))
    if task is not None and not is_file:
        raise click.UsageError("only a workflow file's tasks can be explained: chronoverse explain FILE TASK")
    if is_file:
        _file(subject, task, json_output)
    elif _CODE.fullmatch(subject):
        _code(subject, json_output)
    else:
        _standing(subject, json_output)


def _standing(subject: str, json_output: bool) -> None:
    from api.schemas.states import Explanation
    from cli.client import ApiClient

    if is_run_id(subject):
        path = f"/runs/{subject}/explain"
    else:
        namespace, name = WORKFLOW.convert(subject, None, None)
        path = f"/workflows/{namespace}/{name}/explain"
    found = ApiClient.of_environment().get(path, Explanation)
    if json_output:
        print_json(found)
        return
    for check in found.checks:
        mark = click.style("yes", fg="green") if check.ok else click.style("no ", fg="red")
        click.echo(f"{mark} {check.check}: {check.detail}")


def _code(name: str, json_output: bool) -> None:
    from dsl.codes import CODES, code
    from dsl.codes.page import section
    from dsl.suggest import did_you_mean

    try:
        found = code(name)
    except KeyError as error:
        hint = did_you_mean(name.upper(), CODES, "docs/diagnostics.md lists all codes")
        raise CliError(f"there is no code {name.upper()}", hint) from error
    if json_output:
        page = section(found).strip()
        print_json({"code": found.code, "title": found.title, "explanation": found.explanation, "page": page})
    else:
        click.echo(section(found).strip())


def _file(file: str, task: str | None, json_output: bool) -> None:
    found = _explained(file)
    names = list(dict.fromkeys(item.task for item in found if item.task is not None))
    if task is not None:
        found = [item for item in found if item.task == task]
        if not found:
            from dsl.suggest import did_you_mean

            raise CliError(f"{file} has no task {task!r}", did_you_mean(task, names, f"it has: {', '.join(names)}"))
    if json_output:
        print_json(found)
        return
    for number, item in enumerate(found):
        title = item.workflow if item.task is None else f"{item.workflow}: {item.task}"
        click.echo(("\n" if number else "") + click.style(title, bold=True))
        rows = [(value.field, _shown(value.value), _place(value)) for value in item.values]
        print_table(("field", "value", "from"), rows, "nothing")


def _explained(file: str) -> "list[Explained]":
    """Return the values of every workflow of the file. A file with errors prints them and ends the command."""
    from dsl.defaults import FolderLayers, is_defaults
    from dsl.defaults.effective import explain as explain_document
    from dsl.diagnostics import has_errors
    from dsl.loader import load_paths
    from dsl.render import render
    from dsl.yaml import parse_documents

    if is_defaults(file):
        raise CliError(f"{file} gives values to the workflows beneath it", "explain one of those")
    loaded = load_paths([file])
    if has_errors(loaded.diagnostics):
        click.echo(render(loaded, "text"), nl=False, err=True)
        sys.exit(1)
    path = Path(file)
    layers = FolderLayers().of(path, path)
    _, documents, _ = parse_documents(path.read_bytes())
    return [item for document in documents for item in explain_document(document, layers, file)]


def _shown(value: object) -> str:
    import msgspec

    if value is None:
        return "none"
    return value.rstrip() if isinstance(value, str) else msgspec.json.encode(value).decode()


def _place(value: "Effective") -> str:
    return value.file if value.line is None else f"{value.file}:{value.line}"
