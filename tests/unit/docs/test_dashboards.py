"""The dashboard and the alerts ask for what there is, by its names and labels."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.telemetry.instruments import INSTRUMENTS
from engine.telemetry.prometheus import label_name, sample_names
from engine.telemetry.recording import Kind

FOLDER = Path(__file__).parents[3] / "docs" / "grafana"
DASHBOARD = json.loads((FOLDER / "chronoverse.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]

LABELS = {name: {*map(label_name, each.attributes), "instance"} for each in INSTRUMENTS for name in sample_names(each)}
"""The labels of each name that a query may have; `instance` is Prometheus's own."""
LABELS |= {name: labels | {"le"} for name, labels in LABELS.items() if name.endswith("_bucket")}

FUNCTIONS = {"histogram_quantile", "sum", "max", "rate", "increase", "topk", "label_values", "by", "le", "on"}
WORDS = FUNCTIONS | {"and", "or", "unless"}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    for panel in panels():
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)
    yield from ((item["name"], item["definition"]) for item in DASHBOARD["templating"]["list"] if "definition" in item)


def names(query: str) -> tuple[set[str], set[str]]:
    """Return the metrics and the labels that a query names."""
    bare = re.sub(r'"[^"]*"|\[[^]]*\]', "", query)
    labels = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=(?!=))", bare))
    for listed in re.findall(r"\b(?:by|on) \(([^)]*)\)", bare):
        labels |= {name.strip() for name in listed.split(",")}
    labels |= set(re.findall(r"\blabel_values\(\w+, (\w+)\)", bare))
    words = set(re.findall(r"[a-z][a-z0-9_]*", bare))
    return words - labels - WORDS, labels


@pytest.mark.parametrize(("title", "query"), list(queries()))
def test_a_query_names_what_there_is(title: str, query: str) -> None:
    metrics, labels = names(query)
    assert metrics, title
    assert metrics <= LABELS.keys()
    assert labels <= set.union(*(LABELS[metric] for metric in metrics))


def test_every_instrument_is_shown() -> None:
    shown = set.union(*(names(query)[0] for _, query in queries()))
    assert [each.name for each in INSTRUMENTS if not shown & set(sample_names(each))] == []


def test_rates_are_of_what_grows_and_gauges_are_taken_as_they_are() -> None:
    growing = {n for each in INSTRUMENTS if each.kind in {Kind.COUNTER, Kind.HISTOGRAM} for n in sample_names(each)}
    for title, query in queries():
        rated = set(re.findall(r"\b(?:rate|increase)\((\w+)", query))
        assert rated == names(query)[0] & growing, title


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert (DASHBOARD["title"], DASHBOARD["uid"]) == ("Chronoverse", "chronoverse")
    every = DASHBOARD["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"].endswith(".")
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    variables = {item["name"] for item in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\}?", json.dumps(DASHBOARD["panels"])))
    assert used == variables == {"datasource", "instance"}


def test_panels_lie_side_by_side() -> None:
    def area(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

    for one, other in combinations(DASHBOARD["panels"], 2):
        assert not area(one) & area(other), (one["title"], other["title"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_it_means(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
        assert label == "instance" or label in names(rule["expr"])[1]
