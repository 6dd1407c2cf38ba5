"""The configuration that docs/sources.md shows is one that a server takes."""

import re
from pathlib import Path

from engine.configuration import check_configuration

PAGE = Path(__file__).parents[3] / "docs" / "sources.md"


def test_the_example_is_taken_as_it_stands() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found = check_configuration(text.encode(), "chronoverse.yaml")
    assert found.diagnostics == ()
    assert [item.name for item in found.sources] == ["team", "platform", "here"]
