"""Clients of the last release go on working: `released.json` is the document that it had.

It is written again (a copy of docs/openapi.json) when a release is made, and only then.
"""

import json
from pathlib import Path

from tests.docs import DOCS
from tests.openapi.changes import breaking


def test_nothing_breaks_for_clients_of_the_last_release():
    before = json.loads((Path(__file__).parent / "released.json").read_text(encoding="utf-8"))
    after = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
    assert breaking(before, after) == []
