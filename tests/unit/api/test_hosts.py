import pytest

from api.hosts import is_loopback, is_signed_path


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_loopback_names(name):
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name", ["", "example.org", "0.0.0.0", "10.0.0.1", "::", "localhost.example.org", "127.0.0.1.nip.io"]
)
def test_names_of_elsewhere(name):
    assert not is_loopback(name)


@pytest.mark.parametrize(
    ("method", "path", "signed"),
    [
        ("POST", "/api/v1/sources/flows/hook", True),
        ("POST", "/api/v1/hooks/data/load/push", True),
        ("GET", "/api/v1/sources/flows/hook", False),
        ("POST", "/api/v1/sources/flows/sync", False),
        ("POST", "/api/v1/sources/flows/hook/sync", False),
        ("POST", "/api/v1/sources/a/b/hook", False),
        ("POST", "/x/api/v1/sources/flows/hook", False),
        ("DELETE", "/api/v1/sources/hook", False),
    ],
)
def test_only_webhooks_may_come_by_another_name(method, path, signed):
    assert is_signed_path(method, path) is signed
