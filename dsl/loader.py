"""Load workflow files: text in, compiled workflows and diagnostics out. Nothing here raises on any content."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

import msgspec

from dsl.checks import Subject, check
from dsl.checks.duplicates import duplicate_names
from dsl.checks.unsupported import not_supported
from dsl.compile import Lines, compile_workflow
from dsl.diagnostics import START, Diagnostic, Fault, diagnostic, has_errors, in_order
from dsl.model import DEFAULT_NAMESPACE, Workflow
from dsl.stages import STAGES
from dsl.syntax import Violation, explain, is_valid, prune
from dsl.yaml import Document, parse_documents

SUFFIXES: Final = frozenset({".yaml", ".yml"})
_canonical: Final = msgspec.json.Encoder(order="sorted")


class LoadedWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow without errors.

    `document` is what was written, with anchors, merges and the namespace resolved; `digest` is the SHA-256 of it as
    canonical JSON, so that comments, layout and the order of keys make no difference. `line` counts from 1.
    """

    workflow: Workflow
    document: dict[str, Any]
    digest: str
    file: str
    line: int


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What files hold: the workflows of those without errors, and all diagnostics by file and place.

    `sources` has the text of each file that has diagnostics, for renderers.
    """

    workflows: tuple[LoadedWorkflow, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str] = {}


def load_text(text: bytes | str, file: str, *, namespace: str = DEFAULT_NAMESPACE) -> LoadResult:
    """Load one file's content. `file` is shown in diagnostics; `namespace` is for workflows that name none."""
    loaded = _load_one(text, file, namespace)
    return join([loaded])


def load_paths(paths: Iterable[str | FilePath], *, namespace: str = DEFAULT_NAMESPACE) -> LoadResult:
    """Load files, and all workflow files in folders; they are checked together.

    In a folder, names that begin with `.` or `_` and tests (`*.test.yaml`) are left out. What cannot be read is a
    diagnostic.
    """
    results = [_load_file(path, namespace) for path in workflow_files(paths)]
    return join(results)


def workflow_files(paths: Iterable[str | FilePath]) -> list[FilePath]:
    """Return the files that `load_paths` loads, each once, in order of name. Paths given by name are always kept."""
    found: dict[FilePath, None] = {}
    for given in paths:
        path = FilePath(given)
        found |= dict.fromkeys(sorted(_in_folder(path)) if path.is_dir() else [path])
    return list(found)


def _in_folder(folder: FilePath) -> Iterator[FilePath]:
    for path in folder.iterdir():
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            yield from _in_folder(path)
        elif path.suffix in SUFFIXES and not path.stem.endswith(".test"):
            yield path


def _load_file(path: FilePath, namespace: str) -> LoadResult:
    try:
        data = path.read_bytes()
    except OSError as error:
        fault = Fault("E0014", f"the file cannot be read: {error.strerror or error}", START)
        return LoadResult(workflows=(), diagnostics=(diagnostic(fault, str(path)),))
    return _load_one(data, str(path), namespace)


def join(results: list[LoadResult]) -> LoadResult:
    """Join the results of files and make the checks that only show across them. The first file to use a name has it."""
    workflows = [item for result in results for item in result.workflows]
    doubled = duplicate_names(workflows)
    refused = {item.file for item in doubled}
    return LoadResult(
        workflows=tuple(item for item in workflows if item.file not in refused),
        diagnostics=in_order([*(item for result in results for item in result.diagnostics), *doubled]),
        sources={file: text for result in results for file, text in result.sources.items()},
    )


def _load_one(text: bytes | str, file: str, namespace: str) -> LoadResult:
    source, documents, faults = parse_documents(text)
    for document in documents:
        faults = faults + _faults(document)
    diagnostics = [diagnostic(fault, file) for fault in faults]
    refused = has_errors(diagnostics)
    return LoadResult(
        workflows=() if refused else tuple(_loaded(item, file, namespace) for item in documents),
        diagnostics=tuple(diagnostics),
        sources={file: source.text},
    )


def _faults(document: Document) -> list[Fault]:
    value = document.value
    violations = [] if is_valid(value) else explain(value)
    if not isinstance(value, dict):
        return [_placed(document, item) for item in violations]
    violations += not_supported(value)
    if violations:
        value = prune(value, [item.path for item in violations if item.pruned])
    subject = Subject(document, value, [item.path for item in violations])
    return [*(_placed(document, item) for item in violations), *check(subject)]


def _placed(document: Document, violation: Violation) -> Fault:
    place = document.key_span if violation.at_key else document.value_span
    return Fault(violation.code, violation.message, place(violation.path), violation.hint)


def _loaded(document: Document, file: str, namespace: str) -> LoadedWorkflow:
    value = {**document.value, "namespace": document.value.get("namespace", namespace)}
    workflow = compile_workflow(value, namespace=namespace, path=file, lines=_lines(document))
    digest = hashlib.sha256(_canonical.encode(value)).hexdigest()
    return LoadedWorkflow(workflow=workflow, document=value, digest=digest, file=file, line=document.line)


def _lines(document: Document) -> Lines:
    by_id: dict[str, int] = {}
    for stage in STAGES:
        tasks = document.value.get(stage, {})
        if isinstance(tasks, list):
            by_id |= {step["id"]: document.item_line(stage, number) for number, step in enumerate(tasks)}
        elif tasks:
            by_id |= document.key_lines(stage)
    triggers = document.key_lines("triggers") if "triggers" in document.value else {}
    return Lines(by_id, triggers)
