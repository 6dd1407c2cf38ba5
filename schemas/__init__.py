"""The JSON Schemas (2020-12): data only."""

import json
from importlib.resources import files
from typing import Any


def load(name: str) -> dict[str, Any]:
    """Return the schema called `name` (`"workflow"` for `workflow.schema.json`). Raises `FileNotFoundError`."""
    text = files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
