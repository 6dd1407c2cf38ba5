"""Every code has a page: its wrong example yields it at the stated place, its right example loads clean."""

import re
from pathlib import Path

import pytest

from dsl.codes import CODES, Code, code
from dsl.codes.testing import TESTED, TESTING
from dsl.codes.together import AT_SYNC, IN_FOLDERS
from dsl.defaults import NAME
from dsl.loader import LoadResult, load_paths, load_text
from dsl.syntax import is_valid
from dsl.testfile import unknown_names
from dsl.yaml import parse_documents

ROOT = Path(__file__).parents[3]
UNREADABLE = "E0014"
LACKING = "E0360"
ADDED = "E0116"
MOVE = "E0523"
FOREIGN = "E0524"
ELSEWHERE = {UNREADABLE, LACKING, MOVE, ADDED, FOREIGN, *(entry.code for entry in TESTING)}
ENTRIES = [entry for name, entry in CODES.items() if name not in ELSEWHERE]


def load(entry: Code, text: str | bytes) -> LoadResult:
    """Load an example where its fault shows: in a defaults file, with a server that has nothing, or by itself."""
    file = NAME if entry in IN_FOLDERS else "w.yaml"
    return load_text(text, file, known=(lambda _: {}) if entry in AT_SYNC else None)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_the_wrong_example_yields_the_code_at_its_place(entry: Code) -> None:
    found = [(item.code, item.line, item.column) for item in load(entry, entry.wrong).diagnostics]
    assert [item for item in found if item[0] not in entry.also] == [(entry.code, entry.line, entry.column)]
    assert {item[0] for item in found} == {entry.code, *entry.also}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_the_right_example_loads_clean(entry: Code) -> None:
    if entry.right:
        result = load(entry, entry.right)
        assert result.diagnostics == ()
        assert result.workflows or entry in IN_FOLDERS


@pytest.mark.parametrize("entry", TESTING, ids=lambda entry: entry.code)
def test_codes_of_tests_are_about_the_workflow_that_is_tested(entry: Code) -> None:
    (tested,) = load_text(TESTED, "example.yaml").workflows
    for text, place in ((entry.wrong, [(entry.code, entry.line, entry.column)]), (entry.right, [])):
        (document,) = parse_documents(text)[1]
        assert is_valid(document.value, "test")
        found = unknown_names(document, tested.workflow)
        assert [(fault.code, fault.span.line, fault.span.column) for fault in found] == place


def test_a_file_that_cannot_be_read_is_a_diagnostic(tmp_path: Path) -> None:
    (found,) = load_paths([tmp_path / "none.yaml"]).diagnostics
    assert (found.code, found.line, found.column) == (UNREADABLE, 1, 1)


def test_every_code_in_the_source_is_registered_and_none_is_left_over() -> None:
    sources = [path for path in (ROOT / "dsl").rglob("*.py") if "codes" not in path.parts]
    used = {found for path in sources for found in re.findall(r'"([EW]\d{4})"', path.read_text(encoding="utf-8"))}
    assert used == set(CODES)


def test_codes_are_found_however_they_are_written() -> None:
    assert code(" e0312 ").title == "unknown need"
    with pytest.raises(KeyError):
        code("E9999")
