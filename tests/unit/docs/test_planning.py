"""docs/planning.md against the code: every action, with its sign, and every bound."""

import re
from pathlib import Path

from api import asked
from api.routes.plans import PLAN_BYTES_MAX, PLAN_SECONDS
from cli.plan_text import _SIGNS, MARKDOWN_CHARACTERS_MAX
from engine.services.plans import DETAILED_MAX, Action
from engine.services.syncer import PLANS_MAX
from engine.sync.git.any_ref import FETCH_SECONDS_MAX

DOCS = Path(__file__).parents[3] / "docs"
PAGE, API = ((DOCS / name).read_text(encoding="utf-8") for name in ("planning.md", "api.md"))


def test_every_action_is_on_the_page_with_its_sign() -> None:
    rows = re.findall(r"^\| `(.)` \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert [(name, sign) for sign, name in rows] == [(name, sign) for name, (sign, _) in _SIGNS.items()]
    assert {name for _, name in rows} == set(Action)


def test_every_problem_of_a_ref_is_on_the_page() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    kinds = {*asked._KINDS.values(), asked.UNREADABLE, asked.LATE}
    assert sorted((int(status), name) for status, name in rows) == sorted((item.status, item.name) for item in kinds)
    assert all(f"`{item.name}`" in API for item in kinds)


def test_bounds_are_those_of_the_code() -> None:
    assert f"more than {PLAN_SECONDS:g} seconds" in PAGE
    assert (PLANS_MAX, FETCH_SECONDS_MAX) == (10, 60)
    for told in (f"{MARKDOWN_CHARACTERS_MAX:,} characters", f"{PLAN_BYTES_MAX >> 20} MiB", f"first {DETAILED_MAX} "):
        assert told in PAGE
