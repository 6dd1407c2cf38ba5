"""Test results as JUnit XML, which CI systems read (the form that Apache Ant and Maven Surefire write)."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from cli.errors import CliError

if TYPE_CHECKING:
    from engine.rehearsal import CaseReport, Report


def write_junit(path: Path, report: "Report", seconds: float) -> None:
    """Write the report to a file. Raises `CliError` where it cannot be written."""
    failed = sum(not case.passed for case in report.cases)
    counts = {"tests": str(len(report.cases)), "failures": str(failed), "time": f"{seconds:.3f}"}
    faults = [f"{item.file}:{item.line}: {item.message}" for item in report.faults if item.severity == "error"]
    errors = [*faults, *report.unusable]
    root = Element("testsuites", {"name": "chronoverse", **counts, "errors": str(len(errors))})
    for file, cases in groupby(report.cases, key=lambda case: case.file):
        _suite(root, file, list(cases))
    for message in errors:
        suite = SubElement(root, "testsuite", {"name": message.partition(":")[0], "tests": "0", "errors": "1"})
        SubElement(suite, "system-err").text = _printable(message)
    indent(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror or error}") from error


def _suite(root: Element, file: str, cases: "list[CaseReport]") -> None:
    failed = sum(not case.passed for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}
    took = f"{sum(case.seconds for case in cases):.3f}"
    suite = SubElement(root, "testsuite", {"name": file, **counts, "time": took})
    for case in cases:
        where = {"classname": file, "file": file, "line": str(case.line), "time": f"{case.seconds:.3f}"}
        found = SubElement(suite, "testcase", {"name": case.name, **where})
        if not case.passed:
            told = [f"{file}:{item.line}: {item.place}: {item.message}" for item in case.told]
            failure = SubElement(found, "failure", {"message": _printable(told[0])})
            failure.text = _printable("\n".join(told))


def _printable(text: str) -> str:
    """Return the text without what XML 1.0 cannot hold."""
    return "".join(character for character in text if character in "\t\n\r" or character >= " ")
