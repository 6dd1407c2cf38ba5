"""Every example in the README and in workflows/ loads without a diagnostic."""

import re
from pathlib import Path

import pytest

from dsl.loader import load_paths, load_text

ROOT = Path(__file__).parents[3]
BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_workflows_are_right() -> None:
    result = load_paths([ROOT / "workflows"])
    assert result.diagnostics == ()
    assert len(result.workflows) >= 6


@pytest.mark.parametrize("text", BLOCKS)
def test_the_readmes_workflows_are_right(text: str) -> None:
    assert load_text(text, "README.md").diagnostics == ()
