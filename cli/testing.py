"""`chronoverse test`: workflow tests, offline and in simulated time."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.errors import CliError
from cli.output import print_json

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from engine.rehearsal import CaseReport, Report


@click.command("test")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("-k", "pattern", default="", help="Only tests whose FILE::NAME contains this text.")
@click.option("--fail-fast", "-x", is_flag=True, help="Stop at the first test that fails.")
@click.option("--coverage", "with_coverage", is_flag=True, help="Say which tasks and branches no test reached.")
@click.option("--coverage-min", type=click.FloatRange(0, 100), help="Fail below this share, in percent.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML to this file too.")
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of text.")
def test(
    paths: tuple[str, ...],
    pattern: str,
    fail_fast: bool,
    with_coverage: bool,
    coverage_min: float | None,
    junit: Path | None,
    json_output: bool,
) -> None:
    """Play the workflow tests in PATHS (`*.test.yaml`, and those in folders).

    Nothing runs: the engine's own state machine is played in simulated time with the results that the tests give.
    Exits 0 if all pass, 1 if one fails or a file is at fault.
    """
    from dsl.testfile import test_files
    from engine.rehearsal import Suite

    files = test_files(paths)
    if not files:
        raise CliError("there are no test files here", "a test file is named like its workflow: NAME.test.yaml")
    suite, begun = Suite(pattern, fail_fast=fail_fast), time.perf_counter()
    for case in suite.play(files):
        if not json_output:
            _print_case(case)
    report, seconds = suite.report, time.perf_counter() - begun
    if pattern and not report.cases and not report.unusable and not report.faults:
        raise CliError(f"no test's FILE::NAME contains {pattern!r}")
    if junit is not None:
        from cli.junit import write_junit

        write_junit(junit, report, seconds)
    if json_output:
        _print_json(report, seconds)
    else:
        _print_end(report, seconds, with_coverage=with_coverage)
    too_little = coverage_min is not None and report.share * 100 < coverage_min
    if too_little and not json_output:
        click.secho(f"coverage {report.share:.0%} is less than {coverage_min:g} %", fg="red", err=True)
    sys.exit(0 if report.passed and not too_little else 1)


def _print_case(case: "CaseReport") -> None:
    if case.passed:
        click.echo(f"{click.style('pass', fg='green')} {case.file}::{case.name}")
        return
    click.echo(f"{click.style('FAIL', fg='red', bold=True)} {case.file}::{case.name}")
    for told in case.told:
        place = f"{told.place}: " if told.place else ""
        first, *rest = told.message.split("\n")
        click.echo(f"     {case.file}:{told.line}: {place}{first}")
        for line in rest:
            click.echo(f"     {line}")


def _print_end(report: "Report", seconds: float, *, with_coverage: bool) -> None:
    from dsl.loader import LoadResult
    from dsl.render import render

    faults = LoadResult(workflows=(), diagnostics=tuple(report.faults), sources=report.sources)
    click.echo(render(faults, "text"), nl=False, err=True)
    for message in report.unusable:
        click.secho(message, fg="red", err=True)
    if with_coverage:
        for name, coverage in report.coverage.items():
            click.echo(f"\n{name}: {coverage.share:.0%} reached")
            for point, line in coverage.missed.items():
                click.echo(f"  line {line}: never: {point}")
    failed = sum(not case.passed for case in report.cases)
    passed = len(report.cases) - failed
    errors = sum(item.severity == "error" for item in report.faults) + len(report.unusable)
    faulty = f", {errors} error{'s' * (errors != 1)} in files" if errors else ""
    click.echo(f"\n{passed} passed, {failed} failed{faulty} in {seconds:.2f} s")


def _print_json(report: "Report", seconds: float) -> None:
    tests = [
        {
            "file": case.file,
            "name": case.name,
            "line": case.line,
            "passed": case.passed,
            "seconds": case.seconds,
            "problems": [{"line": told.line, "path": told.place, "message": told.message} for told in case.told],
        }
        for case in report.cases
    ]
    coverage = {
        name: {"share": found.share, "missed": [{"what": what, "line": line} for what, line in found.missed.items()]}
        for name, found in report.coverage.items()
    }
    whole = {"passed": report.passed, "seconds": seconds, "tests": tests, "coverage": coverage}
    print_json({**whole, "diagnostics": report.faults, "unusable": report.unusable})
