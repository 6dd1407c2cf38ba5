"""`chronoverse validate` on files, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAULTY = "name: Hello\ntasks:\n  a: {rum: echo}\n"


def validate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cli.main import main; main()", "validate", *arguments]
    environment = {"PYTHONPATH": str(Path.cwd()), "PATH": ""}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_the_examples_are_fine() -> None:
    done = validate("workflows", cwd=Path.cwd())
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fault_is_shown_with_its_place_and_fails(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(FAULTY)
    done = validate("hello.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "hello.yaml:3" in done.stdout


@pytest.mark.parametrize("style", ["json", "sarif", "github"])
def test_every_format_names_the_place(tmp_path: Path, style: str) -> None:
    (tmp_path / "hello.yaml").write_text(FAULTY)
    done = validate(".", "--format", style, cwd=tmp_path)
    assert done.returncode == 1
    assert "hello.yaml" in done.stdout
    if style != "github":
        json.loads(done.stdout)


def test_misuse_is_told_from_a_fault(tmp_path: Path) -> None:
    assert validate("missing.yaml", cwd=tmp_path).returncode == 2
