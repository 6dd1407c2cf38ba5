"""Which addresses a task's request may go to."""

import ipaddress
import socket
from typing import Any

import pytest

from workers.runners.addresses import AddressRefusedError, refused, resolve

NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]
PRIVATE = ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"]
PUBLIC = ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e"]


@pytest.mark.parametrize("text", NEVER)
@pytest.mark.parametrize("deny_private", [True, False])
def test_never(text: str, deny_private: bool) -> None:
    assert refused(ipaddress.ip_address(text), deny_private=deny_private)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_ones_only_where_allowed(text: str) -> None:
    assert refused(ipaddress.ip_address(text), deny_private=True)
    assert not refused(ipaddress.ip_address(text), deny_private=False)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_ones_always(text: str) -> None:
    assert not refused(ipaddress.ip_address(text), deny_private=True)


def test_one_bad_address_of_a_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 80)) for text in ("93.184.215.14", "169.254.169.254")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(AddressRefusedError, match=r"'tricky' is at 169\.254\.169\.254"):
        resolve("tricky", 80, deny_private=False)
