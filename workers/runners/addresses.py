"""Which network addresses a task's request may go to.

Link-local addresses are refused always: cloud machines answer there with their own credentials. So are the metadata
addresses of clouds that put them elsewhere, and what is no single host. Private ones (RFC 1918, loopback, unique local,
shared) are refused where the worker's configuration says so.
"""

import ipaddress
import socket

METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefusedError(OSError):
    """A request would go to an address that tasks may not reach; the message names host and address."""


def resolve(host: str, port: int, *, deny_private: bool) -> list[str]:
    """Return the addresses of the host. Raises `AddressRefusedError` if any may not be reached, `OSError` if none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = list(dict.fromkeys(str(info[4][0]) for info in found))
    for text in texts:
        why = refused(ipaddress.ip_address(text.partition("%")[0]), deny_private=deny_private)
        if why:
            raise AddressRefusedError(f"'{host}' is at {text}, {why}, which tasks may not reach")
    return texts


def refused(address: Address, *, deny_private: bool) -> str:
    """Return what is wrong with the address, or an empty text."""
    address = _unwrapped(address)
    if address in METADATA:
        return "a cloud's metadata address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_unspecified or address.is_multicast:
        return "not the address of one host"
    if deny_private and not address.is_global:
        return "a private address"
    return ""


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
