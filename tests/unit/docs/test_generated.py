"""What docs/ has from the code is current."""

from pathlib import Path

import pytest

from tests.docs import generated


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated()[path], "run `make docs`"
