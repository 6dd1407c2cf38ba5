import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import COMMANDS, cli
from cli.reference import reference

HEAVY = ("sqlalchemy", "litestar", "httpx", "rich", "pika", "docker", "cel_expr_python", "uvicorn")


def test_every_command_is_where_the_table_says():
    for name, place in COMMANDS.items():
        module, _, attribute = place.partition(":")
        assert getattr(import_module(module), attribute).name == name


def test_help_loads_none_of_the_heavy_libraries():
    code = (
        "import sys, cli.main; cli.main.main(args=['--help'], standalone_mode=False); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_or_option_is_misuse():
    assert CliRunner().invoke(cli, ["nothing"]).exit_code == 2
    assert CliRunner().invoke(cli, ["runs", "--nothing"]).exit_code == 2
    assert CliRunner().invoke(cli, ["trigger", "a/b/c"]).exit_code == 2


def test_without_a_server_it_says_how_to_start_one():
    result = CliRunner().invoke(cli, ["runs"], env={"CHRONOVERSE_API_URL": "http://127.0.0.1:1"})
    assert result.exit_code == 1
    assert "chronoverse up" in result.stderr
    assert "CHRONOVERSE_API_URL" in result.stderr


def test_a_bad_setting_is_named_with_its_remedy():
    result = CliRunner().invoke(cli, ["runs"], env={"CHRONOVERSE_PORT": "many"})
    assert result.exit_code == 1
    assert "CHRONOVERSE_PORT" in result.stderr
    assert "hint:" in result.stderr


def test_the_reference_in_the_docs_is_current():
    written = Path("docs/cli.md").read_text(encoding="utf-8")
    assert written == reference(), "run `python -m cli.reference > docs/cli.md`"


def test_schema_prints_a_json_schema():
    result = CliRunner().invoke(cli, ["schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_an_unknown_schema_is_an_error_with_a_hint():
    result = CliRunner().invoke(cli, ["schema", "nothing"])
    assert result.exit_code == 1
    assert "hint:" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["validate"], ["validate", "missing.yaml"], ["validate", ".", "--format", "xml"]]
)
def test_validate_without_anything_to_validate_is_misuse(arguments):
    assert CliRunner().invoke(cli, ["validate", *arguments]).exit_code == 2
