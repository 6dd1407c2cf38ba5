"""What docs/observability.md names, there is; what it shows, is so."""

import json
import re
from pathlib import Path

import opentelemetry.sdk.environment_variables as sdk_variables
import pytest
import yaml

from dsl.loader import load_text
from engine.settings import SETTINGS
from engine.telemetry.logs import FIELDS
from engine.telemetry.process import SIGNALS, pushed
from engine.telemetry.spans import of_run

FOLDER = Path(__file__).parents[3] / "docs"
PAGE = (FOLDER / "observability.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_variable_is_known() -> None:
    named = set(re.findall(r"\b(?:OTEL|CHRONOVERSE)_[A-Z_]+[A-Z]", PAGE))
    ours = {setting.variable for setting in SETTINGS.values()}
    assert len(named) > 15
    read_by_us = {f"OTEL_{signal.upper()}_EXPORTER" for signal in SIGNALS}
    assert named <= ours | read_by_us | set(vars(sdk_variables))


def test_the_example_of_a_task_loads() -> None:
    _, text = blocks("yaml")
    assert load_text(text, "traced.yaml").diagnostics == ()


def test_the_example_for_prometheus_names_the_rules_and_the_usual_addresses() -> None:
    text, _ = blocks("yaml")
    settings = yaml.safe_load(text)
    assert [(FOLDER / "grafana" / name).is_file() for name in settings["rule_files"]] == [True]
    [targets] = settings["scrape_configs"][0]["static_configs"]
    assert targets["targets"][0].endswith(f":{SETTINGS['port'].default}")
    assert targets["targets"][1] in SETTINGS["metrics_address"].description


def test_the_example_of_a_record_has_the_fields_of_one() -> None:
    [text] = blocks("json")
    entry = json.loads(text)
    assert list(entry) == [name for name in FIELDS if name in entry]
    assert entry["trace_id"] == of_run(entry["run"], {}).trace_id


@pytest.mark.parametrize("text", blocks("sh"))
def test_the_examples_of_commands_begin_with_a_variable_that_switches_something_on(text: str) -> None:
    name, _, value = text.partition(" ")[0].partition("=")
    if name in {setting.variable for setting in SETTINGS.values()}:
        [setting] = [each for each in SETTINGS.values() if each.variable == name]
        assert setting.read(value) is not None
    else:
        assert pushed({name: value}) == ["traces", "metrics"]
