"""Where a request comes from, and for which host: what can be believed of it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from litestar.types import HTTPScope

from models.kernel.errors import Invalid
from models.kernel.settings import Settings

UNKNOWN = "unknown"
Address = IPv4Address | IPv6Address


class Addresses:
    """A header about the caller's address is believed from a trusted proxy only, and read from the right: what stands
    left of the first address that is not a trusted proxy's was written by nobody we know.
    """

    def __init__(self, settings: Settings) -> None:
        self._networks = settings.trusted_proxies
        self._header = settings.proxy_header.encode()
        self._hosts = tuple(host.lower() for host in settings.allowed_hosts)
        self._is_trusted = lru_cache(maxsize=1024)(self._look_up)

    def caller_of(self, scope: HTTPScope) -> str:
        """The address of who sent the request; `unknown` where the server does not tell."""
        client = scope.get("client")
        peer = client[0] if client else UNKNOWN
        if not self._networks or not self._is_trusted(peer):
            return peer
        nearest = peer
        for sent in reversed(self._forwarded(scope)):
            address = _address(sent)
            if address is None:
                break
            nearest = str(address)
            if not self._is_trusted(nearest):
                break
        return nearest

    def check_host(self, scope: HTTPScope) -> Invalid | None:
        """The fault of the Host header, where the setting names the hosts there are."""
        if not self._hosts:
            return None
        sent = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if len(sent) == 1 and any(_is_host(_without_port(sent[0]), allowed) for allowed in self._hosts):
            return None
        return Invalid.field("Host", "is not a host of this API")

    def _forwarded(self, scope: HTTPScope) -> list[str]:
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == self._header]
        parts = [part.strip() for part in ",".join(values).split(",")]
        return parts if self._header == b"x-forwarded-for" else [_for(part) for part in parts]

    def _look_up(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


def counted_as(address: str) -> str:
    """What limits count: an IPv6 caller has a whole network of addresses, and is one caller."""
    parsed = _address(address)
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def _for(element: str) -> str:
    """The `for=` of one element of a Forwarded header (RFC 7239)."""
    pairs = (pair.partition("=") for pair in element.split(";"))
    return next((value.strip().strip('"') for name, _, value in pairs if name.strip().lower() == "for"), "")


def _address(text: str) -> Address | None:
    """With or without a port, in brackets or not; an IPv4 address in IPv6's clothes is the IPv4 address."""
    bare = text.partition("]")[0].lstrip("[") if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(host: str) -> str:
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def _is_host(host: str, allowed: str) -> bool:
    """`*.example.com` allows every host below `example.com`."""
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]) and host != allowed[1:])
