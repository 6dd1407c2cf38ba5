import pytest

from api.hosts import is_loopback


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_loopback_names(name):
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name", ["", "example.org", "0.0.0.0", "10.0.0.1", "::", "localhost.example.org", "127.0.0.1.nip.io"]
)
def test_names_of_elsewhere(name):
    assert not is_loopback(name)
