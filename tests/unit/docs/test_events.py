"""docs/events.md names each kind of event, and says of it what the code does."""

import re
from pathlib import Path

from engine.events.happening import SENTENCES, EventKind

PAGE = Path("docs/events.md").read_text(encoding="utf-8")


def test_the_page_has_every_kind_and_what_it_says() -> None:
    listed = re.findall(r"^\| `([a-z]+\.[a-z]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert listed == [(str(kind), SENTENCES[kind]) for kind in EventKind]
