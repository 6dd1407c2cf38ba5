"""The OpenAPI document and the table of problems, as the application has them."""

import json
import pkgutil
from importlib import import_module
from typing import Any

import api
from api.app import openapi_document
from api.dependencies import Dependencies
from api.problems import KINDS, Kind
from engine.broker.memory import MemoryBroker
from engine.store.database import Database


def document() -> dict[str, Any]:
    """The whole document."""
    database = Database.open("sqlite://")
    try:
        return openapi_document(Dependencies(database=database, broker=MemoryBroker()))
    finally:
        database.close()


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def kinds() -> list[Kind]:
    """Every kind of problem, by status and name."""
    found = set(KINDS.values())
    for module in pkgutil.walk_packages(api.__path__, "api."):
        for value in vars(import_module(module.name)).values():
            found |= {value} if isinstance(value, Kind) else set()
            found |= {each for each in value.values() if isinstance(each, Kind)} if isinstance(value, dict) else set()
    return sorted(found, key=lambda kind: (kind.status, kind.name))


def problems_table() -> str:
    """The types of problems, a row each."""
    titles: dict[tuple[int, str], list[str]] = {}
    for kind in kinds():
        titles.setdefault((kind.status, kind.name), []).append(kind.title)
    rows = ["| type `urn:chronoverse:problem:…` | status | meaning |", "| --- | --- | --- |"]
    rows += [f"| `{name}` | {status} | {'; '.join(sorted(said))} |" for (status, name), said in titles.items()]
    return "\n".join(rows)
