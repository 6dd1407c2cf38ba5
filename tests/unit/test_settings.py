"""Settings: read once, and a bad one says which, why and what to do."""

from pathlib import Path

import pytest

from engine.settings import SETTINGS, LogLimit, Settings, SettingsError


def test_defaults() -> None:
    settings = Settings.read({})
    assert (settings.host, settings.port, settings.slots) == ("127.0.0.1", 8080, 8)
    assert settings.store_url == "sqlite:///.chronoverse/chronoverse.db"


def test_what_is_given_wins_over_the_environment() -> None:
    settings = Settings.read({"CHRONOVERSE_PORT": "1", "CHRONOVERSE_STATE_DIR": "/x"}, port=2, host=None)
    assert (settings.port, settings.state_dir) == (2, Path("/x"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHRONOVERSE_PORT", "http"),
        ("CHRONOVERSE_PORT", "70000"),
        ("CHRONOVERSE_SLOTS", "0"),
        ("CHRONOVERSE_TTL_SECONDS", "nan"),
        ("CHRONOVERSE_TTL_SECONDS", "3"),
        ("CHRONOVERSE_LOG_LEVEL", "loud"),
        ("CHRONOVERSE_ALLOW_PROCESSES", "yes"),
        ("CHRONOVERSE_POOLS", ","),
        ("CHRONOVERSE_POOL_KINDS", "default"),
        ("CHRONOVERSE_POOL_KINDS", "default=run+"),
        ("CHRONOVERSE_POOL_KINDS", "default=run,default=http"),
        ("CHRONOVERSE_LOG_RETENTION", "data"),
        ("CHRONOVERSE_LOG_RETENTION", "data=100"),
        ("CHRONOVERSE_LOG_RETENTION", "data=1d+2d"),
        ("CHRONOVERSE_LOG_RETENTION", "data=1d+1Gi+2Gi"),
        ("CHRONOVERSE_LOG_RETENTION", "data=0s"),
        ("CHRONOVERSE_LOG_RETENTION", "data="),
        ("CHRONOVERSE_LOG_RETENTION", "a/b/c=1d"),
        ("CHRONOVERSE_LOG_RETENTION", "data=1d,data=2d"),
        ("CHRONOVERSE_METRICS_ADDRESS", "localhost"),
        ("CHRONOVERSE_METRICS_ADDRESS", "localhost:70000"),
    ],
)
def test_a_bad_value_names_the_variable_and_the_remedy(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({variable: value})
    assert variable in str(caught.value)
    assert "hint:" in str(caught.value)


def test_the_kinds_of_pools() -> None:
    settings = Settings.read({"CHRONOVERSE_POOL_KINDS": "default = run + http, gpu=container"})
    assert settings.pool_kinds == {"default": ("run", "http"), "gpu": ("container",)}
    assert Settings.read({}).pool_kinds == {}


@pytest.mark.parametrize(
    ("text", "address"),
    [("", None), ("9464", ("127.0.0.1", 9464)), ("0.0.0.0:1", ("0.0.0.0", 1)), ("[::1]:9464", ("::1", 9464))],
)
def test_an_address_for_metrics(text: str, address: tuple[str, int] | None) -> None:
    assert Settings.read({"CHRONOVERSE_METRICS_ADDRESS": text}).metrics_address == address


def test_every_setting_is_described() -> None:
    assert {setting.variable for setting in SETTINGS.values()} == {f"CHRONOVERSE_{name.upper()}" for name in SETTINGS}
    assert all(setting.description.endswith(".") for setting in SETTINGS.values())


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://me:secret@db/flows\n")
    assert Settings.read({"CHRONOVERSE_DATABASE_URL_FILE": str(file)}).database_url == "postgresql://me:secret@db/flows"


def test_a_file_and_a_value_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"both set\n  hint: leave one"):
        Settings.read({"CHRONOVERSE_PORT": "1", "CHRONOVERSE_PORT_FILE": str(tmp_path)})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing, binary, bad = tmp_path / "none", tmp_path / "binary", tmp_path / "bad"
    binary.write_bytes(b"\xff\xfe")
    bad.write_text("many")
    for file, reason in ((missing, "No such file"), (tmp_path, "directory"), (binary, "not UTF-8"), (bad, "invalid")):
        with pytest.raises(SettingsError, match=rf"CHRONOVERSE_PORT_FILE=.*{file.name}.*{reason}"):
            Settings.read({"CHRONOVERSE_PORT_FILE": str(file)})


def test_the_retention_of_logs() -> None:
    settings = Settings.read({"CHRONOVERSE_LOG_RETENTION": "data/noisy = 1d + 100Mi, data=10Gi+30d,lab=500M, *=90d"})
    assert settings.log_retention == {
        "data/noisy": LogLimit(86_400.0, 100 * 2**20),
        "data": LogLimit(30 * 86_400.0, 10 * 2**30),
        "lab": LogLimit(None, 500 * 10**6),
        "*": LogLimit(90 * 86_400.0, None),
    }
    assert Settings.read({}).log_retention == {}
