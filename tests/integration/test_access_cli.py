"""The command line with accounts: docs/access.md as written, log-ins that are kept and renewed, tokens."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.dependencies import Dependencies
from api.server import ApiServer, ServerError
from cli.credentials import LogIns
from cli.main import cli
from engine.accounts.service import Accounts
from engine.broker.memory import MemoryBroker
from engine.clock import new_id, system_clock
from engine.keyring import Keyring
from engine.store.database import Database
from engine.store.schema import migrate

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
PASSWORD = "correct horse battery"

Invoke = Callable[..., Result]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    yield database
    database.close()


def given(database: Database) -> Dependencies:
    return Dependencies(database=database, broker=MemoryBroker(), keyring=Keyring([b"k" * 32]))


@pytest.fixture
def server(database: Database) -> Iterator[ApiServer]:
    server = ApiServer(given(database), host="127.0.0.1", port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def invoke(server: ApiServer, tmp_path: Path) -> Invoke:
    def run(*arguments: str, typed: str = "", **environ: str) -> Result:
        base = {"CHRONOVERSE_API_URL": server.url, "XDG_CONFIG_HOME": str(tmp_path / "config")}
        return CliRunner().invoke(cli, list(arguments), input=typed, env={**base, **environ})

    return run


def test_the_page_is_as_written(invoke: Invoke) -> None:
    said = {}
    for line in "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).splitlines():
        done = invoke(*shlex.split(line)[1:], typed=f"{PASSWORD}\n")
        assert done.exit_code == 0, f"{line}: {done.output}"
        said[line.split(" ", 1)[1]] = done.stdout
    assert said["whoami"] == "ada: admin in *\n"
    assert "operator:data.*, viewer:*" in said["account list"] or "viewer:*, operator:data.*" in said["account list"]
    token = next(text for line, text in said.items() if line.startswith("token create")).strip()
    shown = json.loads(invoke("whoami", "--json", CHRONOVERSE_TOKEN=token).stdout)
    assert (shown["name"], shown["within"]) == ("deploy", {"role": "operator", "namespaces": "data"})
    listed = json.loads(invoke("token", "list", "--account", "deploy", "--json").stdout)
    assert invoke("token", "revoke", listed[0]["id"], "--account", "deploy").exit_code == 0
    assert listed[0]["last_used_at"] is not None


def test_who_does_not_say_who_he_is_is_told_how(invoke: Invoke, database: Database) -> None:
    Accounts(database, system_clock, new_id).ensure_first(PASSWORD)
    done = invoke("runs")
    assert done.exit_code == 1
    assert "nobody says who asks" in done.output
    wrong = invoke("login", "admin", typed="no\n")
    assert (wrong.exit_code, "the name or the password is wrong" in wrong.output) == (1, True)


def test_a_log_in_is_renewed_and_ends(invoke: Invoke, database: Database, tmp_path: Path) -> None:
    Accounts(database, system_clock, new_id).ensure_first(PASSWORD)
    assert invoke("login", "admin", typed=f"{PASSWORD}\n").exit_code == 0
    file = tmp_path / "config" / "chronoverse" / "log-ins.json"
    assert file.stat().st_mode & 0o077 == 0
    before = json.loads(file.read_text())
    (url,) = before
    file.write_text(json.dumps({url: {**before[url], "ends_at": 0}}))
    assert invoke("whoami").stdout == "admin: admin in *\n"
    after = json.loads(file.read_text())
    assert after[url]["refresh_token"] != before[url]["refresh_token"]
    assert invoke("logout").exit_code == 0
    assert LogIns(file).access_token(url, lambda _: None) == ""
    file.write_text(json.dumps({url: {**after[url], "ends_at": 0}}))  # somebody has kept it
    assert "nobody says who asks" in invoke("whoami").output


def test_a_password_is_changed_and_the_log_in_is_over(invoke: Invoke, database: Database) -> None:
    Accounts(database, system_clock, new_id).ensure_first(PASSWORD)
    invoke("login", "admin", typed=f"{PASSWORD}\n")
    refused = invoke("account", "password", typed="wrong\nanother long password\n")
    assert "the current password is wrong" in refused.output
    assert invoke("account", "password", typed=f"{PASSWORD}\nanother long password\n").exit_code == 0
    assert invoke("login", "admin", typed=f"{PASSWORD}\n").exit_code == 1
    assert invoke("login", "admin", typed="another long password\n").exit_code == 0


def test_an_address_of_the_network_needs_an_account(database: Database) -> None:
    with pytest.raises(ServerError, match="there is no account"):
        ApiServer(given(database), host="0.0.0.0", port=0)
    Accounts(database, system_clock, new_id).ensure_first(PASSWORD)
    ApiServer(given(database), host="0.0.0.0", port=0)


def test_a_role_that_is_none_is_refused(invoke: Invoke) -> None:
    for role in ("king", "operator:"):
        done = invoke("account", "add", "x", "--role", role, "--no-password")
        assert (done.exit_code, "write one of viewer, operator, editor, admin" in done.output) == (2, True)
