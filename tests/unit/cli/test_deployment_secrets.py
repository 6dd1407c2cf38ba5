"""`chronoverse config secrets`: made once, never changed, and of a form that the settings take."""

import base64
import stat
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import make_url

from cli.main import cli
from engine.keyring import Keyring
from engine.settings import Settings


def make(directory: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["config", "secrets", str(directory), *options])


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_what_is_made_is_what_the_settings_take(tmp_path: Path) -> None:
    assert make(tmp_path / "new").exit_code == 0
    files = {name: str(tmp_path / "new" / name) for name in ("engine/database-url", "broker/url", "engine/secret-key")}
    settings = Settings.read(
        {
            "CHRONOVERSE_DATABASE_URL_FILE": files["engine/database-url"],
            "CHRONOVERSE_BROKER_URL_FILE": files["broker/url"],
            "CHRONOVERSE_SECRET_KEY_FILE": files["engine/secret-key"],
        }
    )
    password = (tmp_path / "new" / "postgres" / "password").read_text().strip()
    assert make_url(settings.store_url).password == password
    assert len(password) >= 40
    assert settings.broker_url.endswith("@rabbitmq/%2F")
    assert len(base64.b64decode(settings.secret_key)) == 32
    Keyring.of_text(settings.secret_key)


def test_what_is_there_stays_and_what_is_missing_is_made(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "password").write_text("p@ss/word\n")
    assert "rabbitmq/password" in make(tmp_path, "--database-host", "db").output
    assert (tmp_path / "postgres" / "password").read_text() == "p@ss/word\n"
    assert make_url((tmp_path / "engine" / "database-url").read_text().strip()).password == "p@ss/word"
    assert make_url((tmp_path / "engine" / "database-url").read_text().strip()).host == "db"
    before = contents(tmp_path)
    assert "every secret already" in make(tmp_path).output
    assert contents(tmp_path) == before


def test_files_are_read_by_all_and_written_by_none(tmp_path: Path) -> None:
    make(tmp_path)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in contents(tmp_path)} == {0o444}


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = make(tmp_path / "file" / "below")
    assert found.exit_code == 1
    assert "name a directory that can be written" in found.output
