"""How much of the internet a list of addresses lets in.

Facts: the union of the ranges counts (two halves of 0.0.0.0/0 are everything); wider than a /8 (IPv4) or a /32 (IPv6)
is as good as public; private ranges alone cannot match a call over the internet.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import Final

from .conditions import Network, network_of


class Breadth(Enum):
    """What the union of some ranges amounts to."""

    WIDE = "as good as everybody"
    SMALL = "some addresses"
    PRIVATE = "private addresses only"
    UNREADABLE = "not all of them addresses"


_MOST_IPV4: Final = 2**24
_MOST_IPV6: Final = 2**96
_PRIVATE: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10")
) + tuple(ipaddress.ip_network(text) for text in ("fc00::/7", "fe80::/10", "::1/128"))


@lru_cache(maxsize=4096)
def breadth(values: tuple[str, ...]) -> Breadth:
    """Judge the union of addresses and CIDR ranges."""
    networks = [network_of(value) for value in values]
    if any(network is None for network in networks):
        known = [network for network in networks if network is not None]
        return Breadth.WIDE if known and breadth(tuple(map(str, known))) is Breadth.WIDE else Breadth.UNREADABLE
    public = [network for network in networks if network is not None and not _is_private(network)]
    if not public:
        return Breadth.PRIVATE
    ipv4 = _count(network for network in public if isinstance(network, ipaddress.IPv4Network))
    ipv6 = _count(network for network in public if isinstance(network, ipaddress.IPv6Network))
    return Breadth.WIDE if ipv4 > _MOST_IPV4 or ipv6 > _MOST_IPV6 else Breadth.SMALL


@lru_cache(maxsize=4096)
def spares_enough(values: tuple[str, ...]) -> bool:
    """Whether shutting these ranges out (NotIpAddress) leaves more than a /8 of IPv4 or a /32 of IPv6."""
    networks = [network for network in map(network_of, values) if network is not None]
    ipv4 = _count(network for network in networks if isinstance(network, ipaddress.IPv4Network))
    ipv6 = _count(network for network in networks if isinstance(network, ipaddress.IPv6Network))
    return 2**32 - ipv4 > _MOST_IPV4 or 2**128 - ipv6 > _MOST_IPV6


def _is_private(network: Network) -> bool:
    return any(
        network.version == private.version and network.subnet_of(private)  # type: ignore[arg-type]
        for private in _PRIVATE
    )


def _count(networks: Iterable[Network]) -> int:
    collapsed: Iterable[Network] = ipaddress.collapse_addresses(networks)  # type: ignore[type-var]
    return sum(network.num_addresses for network in collapsed)
