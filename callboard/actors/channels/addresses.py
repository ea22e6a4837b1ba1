"""Which network addresses a webhook may reach: public ones, and nothing that leads back inside.

``ipaddress.is_global`` is not enough: it takes tunnels to private IPv4, multicast and the metadata services of some
clouds for global. Sources: the IANA special-purpose registries and the clouds' own documentation.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host name and a port, returns addresses; raises OSError or UnicodeError when there are none."""


def _table(*rows: tuple[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ip_network(network), why) for network, why in rows)


_NEVER: Final = _table(
    ("0.0.0.0/8", "the unspecified network"),
    ("100.64.0.0/10", "shared carrier address space"),
    ("168.63.129.16/32", "the platform address of a cloud"),
    ("169.254.0.0/16", "a link-local address"),
    ("192.0.0.0/24", "a protocol assignment"),
    ("192.0.2.0/24", "a documentation address"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("198.18.0.0/15", "a benchmarking address"),
    ("198.51.100.0/24", "a documentation address"),
    ("203.0.113.0/24", "a documentation address"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "the unspecified address"),
    ("2001::/23", "a protocol assignment (Teredo among them)"),
    ("2001:db8::/32", "a documentation address"),
    ("2002::/16", "a 6to4 tunnel"),
    ("3fff::/20", "a documentation address"),
    ("fd00:ec2::254/128", "the metadata service of a cloud"),
    ("fd20:ce::254/128", "the metadata service of a cloud"),
    ("fe80::/10", "a link-local address"),
    ("ff00::/8", "a multicast address"),
)
_DEVELOPMENT: Final = _table(
    ("127.0.0.0/8", "a loopback address"),
    ("::1/128", "a loopback address"),
    ("10.0.0.0/8", "a private address"),
    ("172.16.0.0/12", "a private address"),
    ("192.168.0.0/16", "a private address"),
    ("fc00::/7", "a private address"),
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")


def refusal(text: str, *, allow_private: bool = False) -> str | None:
    """Say what kind of forbidden address ``text`` is (``a loopback address``); None when it may be reached.

    ``allow_private`` lets loopback and private addresses through; link-local, metadata, multicast and reserved ones
    stay forbidden.
    """
    try:
        return _refusal(ip_address(text), allow_private=allow_private)
    except ValueError:
        return "no IP address"


def literal_refusal(host: str, *, allow_private: bool = False) -> str | None:
    """As :func:`refusal` for a host that is written as an address; None for a name, which only a resolver knows."""
    try:
        return _refusal(ip_address(host), allow_private=allow_private)
    except ValueError:
        return None


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of ``host`` in the order the system prefers, however they are spelled in it.

    Raises:
        OSError: the name is not known, or the resolver did not answer.
        UnicodeError: it is no name at all.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def _refusal(address: Address, *, allow_private: bool) -> str | None:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _refusal(address.ipv4_mapped, allow_private=allow_private)
        if address in _NAT64:
            return _refusal(IPv4Address(address.packed[-4:]), allow_private=False)
    return _listed(address, _NEVER) or _private(address, allow_private=allow_private)


def _private(address: Address, *, allow_private: bool) -> str | None:
    why = _listed(address, _DEVELOPMENT)
    if why:
        return None if allow_private else why
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "no global unicast address"
    return None


def _listed(address: Address, table: tuple[tuple[Network, str], ...]) -> str | None:
    return next((why for network, why in table if address in network), None)
