"""Where a delivery may go, as tables."""

from ipaddress import ip_network

import pytest

from models.webhooks.addresses import AddressPolicy, may_connect, url_fault

PRODUCTION = AddressPolicy(allow_http=False, allowed_networks=())
TRUSTING = AddressPolicy(allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"), ip_network("fd00:1::/32")))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "192.0.1.1", "2606:4700:4700::1111", "2a00:1450::1"],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert may_connect(PRODUCTION, address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:20::1",
        "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1",
        "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
        "", "localhost", "127.1", "0x7f000001", "2130706433", "8.8.8.8:80", "08.8.8.8",
    ],
)  # fmt: skip
def test_no_other_address_is(address: str) -> None:
    assert not may_connect(PRODUCTION, address)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("fd00:1::5", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("8.8.8.8", True),
    ],
)
def test_a_trusted_network_opens_itself_alone(address: str, allowed: bool) -> None:
    assert may_connect(TRUSTING, address) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com", "https://example.com:8443/hook?x=1", "https://hook.eu2.make.com/abc", "https://8.8.8.8/x",
        "https://[2606:4700:4700::1111]/x", "https://n8n.example.com./webhook/1", "https://דוגמה.example/x",
        "https://1.example.com/", "https://example.com/a@b", "HTTPS://EXAMPLE.COM/",
    ],
)  # fmt: skip
def test_urls_of_receivers_out_there_are_taken(url: str) -> None:
    assert url_fault(PRODUCTION, url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "ftp://example.com", "example.com", "//example.com", "", "https://", "https:///x",
        "https://user@example.com", "https://user:pw@example.com", "https://@example.com", "https://example.com#part",
        "https://example.com:99999/", "https://example.com:x/", "https://[::1", "https://exam ple.com",
        "https://example.com\\@10.0.0.1/", "https://example.com/\n", "java\tscript:alert(1)",
        "https://169.254.169.254/latest/meta-data", "https://127.0.0.1", "https://10.1.2.3:8443/", "https://[::1]/",
        "https://[::ffff:169.254.169.254]/", "https://[fe80::1%25eth0]/", "https://[64:ff9b::a9fe:a9fe]/",
        "https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "https://2130706433/", "https://0x7f.1/",
        "https://127.1/", "https://0177.0.0.1/", "https://127.0.0.1./", "https://1.2.3.4.5/",
    ],
)  # fmt: skip
def test_urls_of_anything_else_are_refused(url: str) -> None:
    assert url_fault(PRODUCTION, url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5678/webhook/1", "http://localhost:5678/", "http://example.com/"])
def test_development_may_use_http_and_its_own_machine(url: str) -> None:
    assert url_fault(TRUSTING, url) is None


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://10.0.0.1/", "http://[::ffff:127.0.0.1]/"])
def test_but_no_other_private_network(url: str) -> None:
    assert url_fault(TRUSTING, url)
