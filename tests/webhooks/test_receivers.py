"""Calling receivers: what is connected to, and how much of an answer is taken."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import aiohttp.resolver
import pytest

from models.webhooks.addresses import AddressPolicy
from tasks.integrations.receivers import READ_BYTES, Receivers
from tests.support.receiver import Reply, running_receiver

STRICT = AddressPolicy(allow_http=True, allowed_networks=())
TRUSTING = AddressPolicy(allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"),))
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def receivers(policy: AddressPolicy = TRUSTING, timeout: float = 10.0) -> AsyncIterator[Receivers]:
    made = Receivers(policy, timeout)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def speaking(speak: Speak) -> AsyncIterator[str]:
    """The URL of a server that reads a request and then says what it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await speak(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


def resolve_everything_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Each look-up gives the next of the answers, the last one from then on; gives the names looked up."""
    asked: list[str] = []

    async def resolve(_: Any, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            {"hostname": host, "host": each, "port": port, "family": 2, "proto": 0, "flags": 4} for each in addresses
        ]

    monkeypatch.setattr(aiohttp.resolver.ThreadedResolver, "resolve", resolve)
    return asked


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_not_even_connected_to(host: str) -> None:
    async with running_receiver() as server, receivers(STRICT) as strict:
        answer = await strict.post(server.url.replace("127.0.0.1", host), b"{}", {})
        assert answer.status_code is None
        assert "private or reserved address" in str(answer.error)
        assert server.requests == []


async def test_nor_one_that_a_name_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_receiver() as server, receivers(STRICT) as strict:
        asked = resolve_everything_to(monkeypatch, ["127.0.0.1"])
        answer = await strict.post(server.url.replace("127.0.0.1", "receiver.example"), b"{}", {})
        assert asked == ["receiver.example"]
        assert answer.error == "Refused to connect: 127.0.0.1 is a private or reserved address."
        assert server.requests == []


async def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trusted answer of one look-up does not vouch for the next."""
    trusting_one = AddressPolicy(allow_http=True, allowed_networks=(ip_network("127.0.0.2/32"),))
    async with running_receiver() as server, receivers(trusting_one) as careful:
        port = server.url.rpartition(":")[2]
        resolve_everything_to(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
        for name in ("first.example", "second.example"):
            answer = await careful.post(f"http://{name}:{port}/", b"{}", {})
            assert answer.status_code is None
        assert "127.0.0.1 is a private" in str(answer.error)
        assert server.requests == []


async def test_of_several_addresses_only_allowed_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_receiver() as server, receivers() as trusting:
        resolve_everything_to(monkeypatch, ["10.0.0.1", "169.254.169.254", "127.0.0.1"])
        answer = await trusting.post(server.url.replace("127.0.0.1", "receiver.example"), b"{}", {})
        assert (answer.status_code, len(server.requests)) == (200, 1)


async def test_redirects_cookies_and_packed_answers_are_left_as_they_are() -> None:
    packed = gzip.compress(b"x" * 1000)
    replies = [Reply(302, {"Location": "/x", "Set-Cookie": "a=b"}), Reply(200, {"Content-Encoding": "gzip"}, packed)]
    async with running_receiver(*replies) as server, receivers() as trusting:
        assert (await trusting.post(server.url, b"{}", {})).status_code == 302
        second = await trusting.post(server.url, b"{}", {})
        assert second.text is not None
        assert "xxxx" not in second.text
    assert len(server.requests) == 2
    assert "cookie" not in server.requests[1].headers
    assert server.requests[1].headers["accept-encoding"] == "identity"


async def test_an_endless_answer_is_read_no_further_than_needed() -> None:
    written = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536

    async with speaking(talk) as url, receivers() as trusting:
        answer = await trusting.post(url, b"{}", {})
    assert (answer.status_code, answer.error) == (200, None)
    assert answer.text == "x" * 4096
    assert written < 100 * READ_BYTES


async def test_an_answer_that_stops_in_the_middle_has_still_been_given() -> None:
    async def stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nthank")
        await writer.drain()
        await reader.read()

    async with speaking(stop) as url, receivers(timeout=2.0) as impatient:
        answer = await impatient.post(url, b"{}", {})
    assert (answer.status_code, answer.text) == (201, "thank")
    assert answer.error == "No complete answer within 2 s."


async def test_silence_nonsense_and_closed_doors_are_errors_and_not_exceptions() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def talk_nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with receivers(timeout=0.5) as impatient:
        for speak in (hang, talk_nonsense, hang_up):
            async with speaking(speak) as url:
                answer = await impatient.post(url, b"{}", {})
                assert answer.status_code is None
                assert answer.error
        for url in ("http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://a..b/", "http://[::1/", "nonsense"):
            answer = await impatient.post(url, b"{}", {})
            assert (answer.status_code, bool(answer.error)) == (None, True)
