"""Finding and loading files of workflow tests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dsl.diagnostics import START, Diagnostic, Fault, diagnostic
from dsl.syntax import explain, is_valid
from dsl.syntax.violations import Violation
from dsl.testfile.compile import compile_cases
from dsl.testfile.model import Case
from dsl.yaml import Document, parse_documents

SCHEMA: Final = "test"
SUFFIXES: Final = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file's cases, or what is wrong with it. `workflow_file` and `workflow_name` say what is tested."""

    path: Path
    text: str
    cases: tuple[Case, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    workflow_file: Path = field(default_factory=Path)
    workflow_name: str | None = None
    document: Document | None = None

    def line(self, *path: str | int) -> int:
        """Return the line of the key at `path`; of the nearest one above it that was written."""
        return 1 if self.document is None else self.document.key_span(path).line


def test_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return the test files at and below these paths, each once, in the order of their names."""
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        found |= dict.fromkeys(sorted(_in_folder(path)) if path.is_dir() else [path])
    return list(found)


def _in_folder(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _in_folder(path)
        elif path.name.endswith(SUFFIXES):
            yield path


def load_test_file(path: Path) -> Loaded:
    """Load one file. Never raises: whatever is wrong is a diagnostic."""
    try:
        data = path.read_bytes()
    except OSError as error:
        fault = Fault("E0014", f"the file cannot be read: {error.strerror or error}", START)
        return Loaded(path, "", diagnostics=(diagnostic(fault, str(path)),))
    source, documents, faults = parse_documents(data)
    if not faults and len(documents) > 1:
        faults = [Fault("E0103", "a test file is one document", documents[1].value_span(()), "make two files of it")]
    for document in documents if not faults else ():
        if not is_valid(document.value, SCHEMA):
            faults = [_placed(document, item) for item in explain(document.value, SCHEMA)]
    if faults:
        return Loaded(path, source.text, diagnostics=tuple(diagnostic(fault, str(path)) for fault in faults))
    document = documents[0]
    return Loaded(
        path=path,
        text=source.text,
        cases=compile_cases(document.value, document.key_lines("tests")),
        workflow_file=path.parent / _workflow_file(path, document.value),
        workflow_name=document.value.get("name"),
        document=document,
    )


def _workflow_file(path: Path, value: dict[str, Any]) -> str:
    if "workflow" in value:
        return str(value["workflow"])
    suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), path.suffix)
    return path.name.removesuffix(suffix) + suffix.removeprefix(".test")


def _placed(document: Document, violation: Violation) -> Fault:
    place = document.key_span if violation.at_key else document.value_span
    return Fault(violation.code, violation.message, place(violation.path), violation.hint)
