"""docs/sync.md against the tests: every disaster of its table has one that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "sync.md").read_text(encoding="utf-8")


def test_every_disaster_names_tests_that_are_there() -> None:
    section = PAGE.partition("## What others have come to grief by\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!---)(.+) \| .+ \| (.+) \|$", section, re.MULTILINE)[1:]
    assert len(rows) >= 10
    there = {
        name
        for folder in ("integration", "contract")
        for path in (ROOT / "tests" / folder).rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    for what, cell in rows:
        named = re.findall(r"`(test_\w+)`", cell)
        assert named, what
        assert set(named) <= there, what
