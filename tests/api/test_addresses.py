"""Where a request comes from: what of its headers is believed."""

from typing import Any, cast

import pytest
from litestar.types import HTTPScope

from api.addresses import UNKNOWN, Addresses, counted_as
from models.kernel.settings import Settings

PEER, PROXY, OTHER_PROXY, CALLER, LIAR = "203.0.113.9", "10.0.0.1", "10.0.0.2", "198.51.100.7", "192.0.2.66"


def scope(peer: str | None, *headers: tuple[str, str]) -> HTTPScope:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return cast(HTTPScope, {"type": "http", "client": (peer, 4711) if peer else None, "headers": raw})


def addresses(settings: Settings, **changes: Any) -> Addresses:
    return Addresses(Settings.model_validate({**settings.model_dump(), **changes}))


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP"])
def test_without_proxies_no_header_is_believed(settings: Settings, name: str) -> None:
    value = f"for={LIAR}" if name == "Forwarded" else LIAR
    assert addresses(settings).caller_of(scope(PEER, (name, value))) == PEER


def test_a_stranger_is_no_proxy(settings: Settings) -> None:
    behind = addresses(settings, trusted_proxies="10.0.0.0/8")
    assert behind.caller_of(scope(PEER, ("X-Forwarded-For", LIAR))) == PEER


@pytest.mark.parametrize(
    ("sent", "caller"),
    [
        ([CALLER], CALLER),
        ([f"{LIAR}, {CALLER}"], CALLER),
        ([f"{LIAR}, {CALLER}, {OTHER_PROXY}"], CALLER),
        ([LIAR, CALLER], CALLER),
        ([f"{LIAR}, {PROXY}", CALLER, OTHER_PROXY], CALLER),
        ([f"{CALLER}:51234"], CALLER),
        (["[2001:db8::1]:51234"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        ([f"::ffff:{CALLER}"], CALLER),
        ([], PROXY),
        ([""], PROXY),
        ([f"{LIAR}, nonsense"], PROXY),
        ([f"{LIAR}, nonsense, {OTHER_PROXY}"], OTHER_PROXY),
        ([f"{OTHER_PROXY}, {OTHER_PROXY}"], OTHER_PROXY),
        (["127.0.0.1\x00, 1' OR 1=1"], PROXY),
    ],
)
def test_a_proxys_word_is_read_from_the_right(settings: Settings, sent: list[str], caller: str) -> None:
    behind = addresses(settings, trusted_proxies="10.0.0.0/8")
    assert behind.caller_of(scope(PROXY, *(("X-Forwarded-For", value) for value in sent))) == caller


@pytest.mark.parametrize(
    ("sent", "caller"),
    [
        (f"for={CALLER}", CALLER),
        (f'for={LIAR}, for="{CALLER}:51234";proto=https;by={PROXY}', CALLER),
        (f'For="[2001:db8::1]", for={OTHER_PROXY}', "2001:db8::1"),
        (f"for={LIAR}, for=_hidden", PROXY),
        (f"for={LIAR}, proto=https", PROXY),
    ],
)
def test_the_standard_header_is_read_where_the_proxy_writes_that(settings: Settings, sent: str, caller: str) -> None:
    behind = addresses(settings, trusted_proxies="10.0.0.0/8", proxy_header="forwarded")
    assert behind.caller_of(scope(PROXY, ("Forwarded", sent), ("X-Forwarded-For", LIAR))) == caller


def test_the_header_that_the_proxy_does_not_write_is_not_believed(settings: Settings) -> None:
    behind = addresses(settings, trusted_proxies="10.0.0.0/8")
    assert behind.caller_of(scope(PROXY, ("Forwarded", f"for={LIAR}"))) == PROXY


def test_a_server_that_does_not_tell_is_survived(settings: Settings) -> None:
    assert addresses(settings, trusted_proxies="10.0.0.0/8").caller_of(scope(None)) == UNKNOWN


def test_an_ipv6_network_is_one_caller() -> None:
    assert counted_as("2001:db8::1") == counted_as("2001:db8::ffff:1") != counted_as("2001:db8:0:1::1")
    assert counted_as(CALLER) == CALLER


@pytest.mark.parametrize(
    ("sent", "fine"),
    [
        (["api.school.example"], True),
        (["API.school.example:8443"], True),
        (["eu.tenant.example"], True),
        (["tenant.example"], False),
        (["eviltenant.example"], False),
        (["evil.example"], False),
        (["api.school.example.evil.example"], False),
        (["api.school.example", "evil.example"], False),
        ([], False),
        ([""], False),
    ],
)
def test_only_the_hosts_of_the_setting_are_ours(settings: Settings, sent: list[str], fine: bool) -> None:
    ours = addresses(settings, allowed_hosts="api.school.example, *.tenant.example")
    assert (ours.check_host(scope(PEER, *(("Host", value) for value in sent))) is None) == fine
