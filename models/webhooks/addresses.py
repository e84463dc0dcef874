"""Which URLs may be registered, and which addresses a delivery may connect to.

Host names are only judged by the address they resolve to when the connection is made; what can be told from the URL
alone is refused when it is registered.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What `is_global` lets through: multicast, the protocol assignments, the 6to4 relays.
_NOT_PUBLIC_V4 = [ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4")]
# Global unicast is the only part of IPv6 with receivers in it; so NAT64, IPv4-mapped and site-local are out already.
_UNICAST_V6 = ip_network("2000::/3")
# Teredo and its neighbours, documentation, and 6to4: each may hide an IPv4 address.
_NOT_PUBLIC_V6 = [ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_LOOKS_LIKE_A_NUMBER = re.compile(r"^(0[xX][0-9a-fA-F]*|[0-9]+)$")


class AddressPolicy(msgspec.Struct, frozen=True):
    """`allowed_networks` are private receivers the operator trusts; `allow_http` is for development."""

    allow_http: bool
    allowed_networks: tuple[Network, ...]


def may_connect(policy: AddressPolicy, address: str) -> bool:
    """Whether a delivery may go to this IP address; False for what is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return is_public(parsed) or any(parsed in network for network in policy.allowed_networks)


def is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _UNICAST_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def url_fault(policy: AddressPolicy, url: str) -> str | None:
    """What is wrong with a receiver's URL, if anything."""
    if re.search(r"[\x00-\x20\x7f\\]", url):
        return "holds a character that a URL must not have"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in (("https", "http") if policy.allow_http else ("https",)):
        return "must start with https://"
    if "@" in parts.netloc:
        return "must not carry a user name or password"
    if parts.fragment:
        return "must not have a fragment"
    return _host_fault(policy, host or "")


def _host_fault(policy: AddressPolicy, host: str) -> str | None:
    if not host:
        return "names no host"
    address = _literal_address(host)
    if address is None:
        if _LOOKS_LIKE_A_NUMBER.match(host.rstrip(".").rpartition(".")[2]):
            return "names its host by a number that is not a plain IP address"
        return None
    return None if may_connect(policy, address) else "must not point to a private or reserved address"


def _literal_address(host: str) -> str | None:
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ip_address(host))
    except ValueError:
        return None
