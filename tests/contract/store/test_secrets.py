import base64

import pytest

from engine.keyring import Keyring
from engine.services.refusals import UnknownError
from engine.services.secrets import SecretError, Secrets, lineage
from engine.store.database import Database
from engine.store.secrets import list_secrets

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


@pytest.fixture
def secrets(database: Database) -> Secrets:
    return Secrets(database, Keyring.of_text(OLD))


def test_the_nearest_namespace_counts(secrets: Secrets) -> None:
    for namespace in ("", "data", "data.reporting"):
        secrets.put(namespace, "TOKEN", f"of {namespace}")
    secrets.put("", "COMMON", "everybody's")
    assert secrets.read("data.reporting.daily", ["TOKEN", "COMMON"]).values == {
        "TOKEN": "of data.reporting",
        "COMMON": "everybody's",
    }
    secrets.delete("data.reporting", "TOKEN")
    assert secrets.read("data.reporting.daily", ["TOKEN"]).values == {"TOKEN": "of data"}
    assert secrets.read("database", ["TOKEN"]).values == {"TOKEN": "of "}
    assert "no secret NONE for namespace data" in secrets.read("data", ["NONE"]).faults["NONE"]


def test_lineage() -> None:
    assert lineage("a.b") == ("a.b", "a", "")
    assert lineage("") == ("",)


def test_versions_count_values(secrets: Secrets, database: Database) -> None:
    assert secrets.put("n", "V", "1").version == 1
    assert secrets.put("n", "V", "2").version == 2
    with database.read() as connection:
        rows = list_secrets(connection, "n", after=None, limit=10)
    assert [(row.name, row.version) for row in rows] == [("V", 2)]


def test_rotation_encrypts_afresh_once(secrets: Secrets, database: Database) -> None:
    secrets.put("r", "A", "value")
    both = Secrets(database, Keyring.of_text(f"{NEW} {OLD}"))
    assert both.rotate() >= 1
    assert both.rotate() == 0
    assert Secrets(database, Keyring.of_text(NEW)).read("r", ["A"]).values == {"A": "value"}
    assert "a key that is not here" in secrets.read("r", ["A"]).faults["A"]
    Secrets(database, Keyring.of_text(f"{OLD} {NEW}")).rotate()


@pytest.mark.parametrize(
    ("namespace", "name", "value"),
    [("", "lower", "x"), ("", "A B", "x"), ("Upper", "A", "x"), ("", "A", ""), ("", "A", "x" * 65537), ("", "A", "\0")],
)
def test_what_cannot_be_kept_is_refused_without_showing_it(
    secrets: Secrets, namespace: str, name: str, value: str
) -> None:
    with pytest.raises(SecretError) as caught:
        secrets.put(namespace, name, value)
    assert len(str(caught.value)) < 200


def test_deleting_what_is_not_there(secrets: Secrets) -> None:
    with pytest.raises(UnknownError):
        secrets.delete("", "NOTHING")
