"""docs/planning.md against the code: every action, with its sign, and every bound."""

import re
from pathlib import Path

from api.routes.plans import PLAN_BYTES_MAX
from cli.plan_text import _SIGNS, MARKDOWN_CHARACTERS_MAX
from engine.services.plans import DETAILED_MAX, Action

PAGE = (Path(__file__).parents[3] / "docs" / "planning.md").read_text(encoding="utf-8")


def test_every_action_is_on_the_page_with_its_sign() -> None:
    rows = re.findall(r"^\| `(.)` \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert [(name, sign) for sign, name in rows] == [(name, sign) for name, (sign, _) in _SIGNS.items()]
    assert {name for _, name in rows} == set(Action)


def test_bounds_are_those_of_the_code() -> None:
    for told in (f"{MARKDOWN_CHARACTERS_MAX:,} characters", f"{PLAN_BYTES_MAX >> 20} MiB", f"first {DETAILED_MAX} "):
        assert told in PAGE
