"""The fast validator and the one that explains agree, on good documents and on broken ones."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dsl.loader import load_text
from dsl.syntax import explain, is_valid
from dsl.yaml import parse_documents
from schemas import load

ROOT = Path(__file__).parents[2]
EXAMPLES = [path for path in sorted((ROOT / "workflows").glob("*.yaml")) if not path.name.endswith(".test.yaml")]
DOCUMENTS = [parse_documents(path.read_text())[1][0].value for path in EXAMPLES]
JUNK: list[Any] = [None, True, -1, 0, 3.5, "", "x", "a-b", [], [1], {}, {"x": 1}, "1h", "${{ x }}"]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in children for found in _paths(item, (*path, key)))]


def _broken(document: Any, chance: random.Random) -> Any:
    """Put junk somewhere, drop something, or add something."""
    changed = copy.deepcopy(document)
    places = _paths(changed)[1:]
    if not places:  # an earlier turn has left nothing of it
        return changed
    path = chance.choice(places)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    what = chance.random()
    if what < 0.6:
        parent[path[-1]] = chance.choice(JUNK)
    elif what < 0.8:
        del parent[path[-1]]
    elif isinstance(parent, dict):
        parent[chance.choice(["x", "needs", "if", "run", "cron"])] = chance.choice(JUNK)
    return changed


@pytest.mark.parametrize("seed", range(8))
def test_gate_and_explainer_agree(seed: int) -> None:
    chance = random.Random(seed)
    reference = Draft202012Validator(load("workflow"))
    for _ in range(60):
        document = _broken(chance.choice(DOCUMENTS), chance)
        valid = is_valid(document)
        assert valid == (not explain(document)), document
        assert valid == reference.is_valid(document) or not valid, document


def test_the_schema_is_one_and_describes_every_property() -> None:
    schema = load("workflow")
    Draft202012Validator.check_schema(schema)

    def undescribed(node: Any, path: str) -> list[str]:
        if isinstance(node, list):
            return [found for number, item in enumerate(node) for found in undescribed(item, f"{path}/{number}")]
        if not isinstance(node, dict):
            return []
        found = [
            f"{path}/{name}"
            for name, item in (node.get("properties") or {}).items()
            if isinstance(item, dict) and "description" not in item and "$ref" not in item and item
        ]
        return found + [
            one for key, item in node.items() if key != "dependentSchemas" for one in undescribed(item, f"{path}/{key}")
        ]

    assert undescribed(schema, "") == []


@pytest.mark.parametrize("seed", range(8))
def test_no_broken_document_raises_and_each_has_a_diagnostic_or_a_workflow(seed: int) -> None:
    chance = random.Random(1000 + seed)
    for _ in range(60):
        document = chance.choice(DOCUMENTS)
        for _ in range(chance.randint(1, 3)):
            document = _broken(document, chance)
        result = load_text(json.dumps(document), "w.yaml")
        assert result.workflows or result.diagnostics
