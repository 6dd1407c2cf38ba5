"""Load workflow files: text in, compiled workflows and diagnostics out. Nothing here raises on any content."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, Final

import msgspec

from dsl.checks import Subject, check
from dsl.checks.duplicates import duplicate_names
from dsl.compile import Lines, compile_workflow
from dsl.defaults import FolderLayers, Layer, Layered, is_defaults, load_layer
from dsl.diagnostics import START, Diagnostic, Fault, diagnostic, has_errors, in_order
from dsl.model import DEFAULT_NAMESPACE, Workflow
from dsl.stages import STAGES
from dsl.syntax import Violation, explain, is_valid, prune
from dsl.together import Known, References, check_together, references
from dsl.yaml import Document, parse_documents

SUFFIXES: Final = frozenset({".yaml", ".yml"})
_canonical: Final = msgspec.json.Encoder(order="sorted")


class LoadedWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow without errors.

    `document` is what was written, with anchors, merges, the folders' defaults and the namespace resolved; `digest` is
    the SHA-256 of it as canonical JSON, so that comments, layout and the order of keys make no difference. `line`
    counts from 1. `references` is what it says about other workflows.
    """

    workflow: Workflow
    document: dict[str, Any]
    digest: str
    file: str
    line: int
    references: References = References()


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What files hold: the workflows of those without errors, and all diagnostics by file and place.

    `sources` has the text of each file that has diagnostics, for renderers. `refused` are the files whose workflows are
    not loaded, be it for an error in a defaults file; `claimed` are the names (`namespace/name`) that they give.
    """

    workflows: tuple[LoadedWorkflow, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str] = {}
    refused: frozenset[str] = frozenset()
    claimed: frozenset[str] = frozenset()


def load_text(
    text: bytes | str, file: str, *, namespace: str = DEFAULT_NAMESPACE, known: Known | None = None
) -> LoadResult:
    """Load one file's content. `file` is shown in diagnostics; `namespace` is for workflows that name none.

    `known` gives the workflows that the engine has, as for `join`.
    """
    return join([load_alone(text, file, namespace=namespace)], known=known)


def load_alone(
    text: bytes | str, file: str, *, namespace: str = DEFAULT_NAMESPACE, layers: Sequence[Layer] = ()
) -> LoadResult:
    """Load one file's content without a look at other files: `join` does that.

    `layers` are the defaults files that reach it, near to far; what is wrong with those is told by `of_layer`. A file
    named `_defaults.yaml` is one itself.
    """
    if is_defaults(file):
        return of_layer(load_layer(text, file))
    return _load_one(text, file, namespace, layers)


def of_layer(layer: Layer) -> LoadResult:
    """Return what is wrong with a defaults file."""
    return LoadResult(workflows=(), diagnostics=layer.diagnostics, sources={layer.file: layer.text})


def load_paths(
    paths: Iterable[str | FilePath], *, namespace: str = DEFAULT_NAMESPACE, known: Known | None = None
) -> LoadResult:
    """Load files, and all workflow files in folders; they are checked together.

    In a folder, names that begin with `.` or `_` and tests (`*.test.yaml`) are left out. What cannot be read is a
    diagnostic. Defaults files are looked for as `dsl.defaults.FolderLayers` says.
    """
    folders = FolderLayers()
    results: dict[FilePath, LoadResult] = {}
    for given in map(FilePath, paths):
        for path in workflow_files([given]):
            if path not in results:
                results[path] = _load_file(path, namespace, folders.of(path, given))
        if given.is_dir():
            folders.beneath(given)
    return join([*results.values(), *map(of_layer, folders.found())], known=known)


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


def _load_file(path: FilePath, namespace: str, layers: Sequence[Layer]) -> LoadResult:
    try:
        data = path.read_bytes()
    except OSError as error:
        fault = Fault("E0014", f"the file cannot be read: {error.strerror or error}", START)
        return LoadResult(workflows=(), diagnostics=(diagnostic(fault, str(path)),), refused=frozenset({str(path)}))
    return load_alone(data, str(path), namespace=namespace, layers=layers)


def join(results: Sequence[LoadResult], *, known: Known | None = None) -> LoadResult:
    """Join the results of files and make the checks that only show across them. The first file to use a name has it.

    `known` gives the workflows that the engine has besides those of the files. Without it a workflow that is named and
    is not among the files is a warning; with it one that is in neither is an error.
    """
    workflows = [item for result in results for item in result.workflows]
    doubled = duplicate_names(workflows)
    second = {item.file for item in doubled}
    claimed = frozenset(name for result in results for name in result.claimed)
    together = check_together([item for item in workflows if item.file not in second], known, claimed)
    refused = second | {item.file for item in together if has_errors([item])}
    return LoadResult(
        workflows=tuple(item for item in workflows if item.file not in refused),
        diagnostics=in_order([*(item for result in results for item in result.diagnostics), *doubled, *together]),
        sources={file: text for result in results for file, text in result.sources.items()},
        refused=frozenset(refused).union(*(result.refused for result in results)),
        claimed=claimed | {_name(item.document) for item in workflows if item.file in refused},
    )


def _load_one(text: bytes | str, file: str, namespace: str, layers: Sequence[Layer]) -> LoadResult:
    source, documents, faults = parse_documents(text)
    effective: list[Document] = []
    for document in documents:
        whole, found = _examined(document, layers)
        effective.append(whole)
        faults = faults + found
    diagnostics = tuple(diagnostic(fault, file) for fault in faults)
    refused = has_errors(diagnostics) or any(layer.faulty for layer in layers)
    return LoadResult(
        workflows=() if refused else tuple(_loaded(item, file, namespace) for item in effective),
        diagnostics=diagnostics,
        sources={file: source.text},
        refused=frozenset({file}) if refused else frozenset(),
        claimed=_claimed(effective, namespace) if refused else frozenset(),
    )


def _claimed(documents: Iterable[Document], namespace: str) -> frozenset[str]:
    values = [item.value for item in documents if isinstance(item.value, dict) and "name" in item.value]
    return frozenset(_name({"namespace": namespace, **value}) for value in values)


def _name(document: Mapping[str, Any]) -> str:
    return f"{document['namespace']}/{document['name']}"


def _examined(document: Document, layers: Sequence[Layer]) -> tuple[Document, list[Fault]]:
    """Return the document with what its folders give, and what is wrong with it."""
    value = document.value
    violations = [] if is_valid(value) else explain(value)
    if not isinstance(value, dict):
        return document, [_placed(document, item) for item in violations]
    if violations:
        value = prune(value, [item.path for item in violations if item.pruned])
    whole = Layered(document, value, layers) if layers else document
    doubtful = [("env",)] if any(layer.faulty for layer in layers) else []
    subject = Subject(whole, whole.value if layers else value, [*(item.path for item in violations), *doubtful])
    return whole, [*(_placed(document, item) for item in violations), *check(subject)]


def _placed(document: Document, violation: Violation) -> Fault:
    place = document.key_span if violation.at_key else document.value_span
    return Fault(violation.code, violation.message, place(violation.path), violation.hint)


def _loaded(document: Document, file: str, namespace: str) -> LoadedWorkflow:
    value = {**document.value, "namespace": document.value.get("namespace", namespace)}
    workflow = compile_workflow(value, namespace=namespace, path=file, lines=_lines(document))
    return LoadedWorkflow(
        workflow=workflow,
        document=value,
        digest=hashlib.sha256(_canonical.encode(value)).hexdigest(),
        file=file,
        line=document.line,
        references=references(document, workflow),
    )


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
