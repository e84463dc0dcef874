"""A light HTTP/1.1 load client: keep-alive connections that send prepared requests one after another.

It shares two cores with what it measures, so it does the least a client can: no parsing beyond status and length.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from typing import NamedTuple, Self, cast
from urllib.parse import urlsplit


class Load(NamedTuple):
    """What a run of requests came to; latencies are in seconds."""

    seconds: float
    latencies: list[float]
    failures: list[str]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def in_ms(self) -> dict[str, float]:
        return quantiles_in_ms(self.latencies)

    def must_be_whole(self) -> Self:
        """Raises LoadError when any request failed."""
        if self.failures:
            raise LoadError(f"{len(self.failures)} failed, the first so: {self.failures[0]}")
        return self


def quantiles_in_ms(seconds: Sequence[float]) -> dict[str, float]:
    """What half, 95 and 99 in a hundred took at most, with names for `Stage.record`."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {f"p{share} ms": cuts[share - 1] * 1000 for share in (50, 95, 99)}


class LoadError(Exception):
    """Answers were not the expected ones, or the server went away."""


def request(method: str, url: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """A request as it goes over the wire."""
    parts = urlsplit(url)
    given = {"host": parts.netloc, "content-length": str(len(body)), **(headers or {})}
    if body:
        given.setdefault("content-type", "application/json")
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def drive(
    url: str, requests: Sequence[bytes], *, connections: int, total: int, seconds: float, status: int
) -> Load:
    """Send `total` requests in turn, stopping early after `seconds`.

    An answer with another status is a failure; so is a connection that is refused or lost, which ends its client.
    """
    parts = urlsplit(url)
    work = islice(cycle(requests), total)
    deadline = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    clients = [_Client(work, deadline, b"%d" % status) for _ in range(connections)]
    for client in clients:
        try:
            await loop.create_connection(partial(_same, client), parts.hostname or "", parts.port or 80)
        except OSError as error:
            client.end(f"no connection: {error!r}")
    started = time.perf_counter()
    for client in clients:
        client.send_next()
    await asyncio.gather(*(client.done for client in clients))
    took = time.perf_counter() - started
    latencies = [latency for client in clients for latency in client.latencies]
    return Load(took, latencies, [failure for client in clients for failure in client.failures])


def _same(client: "_Client") -> "_Client":
    return client


class _Client(asyncio.Protocol):
    def __init__(self, work: Iterator[bytes], deadline: float, status: bytes) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self._work = work
        self._deadline = deadline
        self._status = status
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def send_next(self) -> None:
        if self._transport is None or self.done.done():
            return
        self._sent_at = time.perf_counter()
        message = next(self._work, None) if self._sent_at < self._deadline else None
        if message is None:
            self.end()
        else:
            self._transport.write(message)

    def end(self, failure: str | None = None) -> None:
        if self.done.done():
            return
        if failure is not None:
            self.failures.append(failure)
        self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        if head[9:12] == self._status:
            self.latencies.append(time.perf_counter() - self._sent_at)
        else:
            self.failures.append(self._received.decode(errors="replace"))
        self._received = b""
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        self.end(f"the server closed the connection ({error!r})")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise LoadError(f"an answer without a length: {head.decode(errors='replace')}")


async def exchange(url: str, message: bytes) -> bytes:
    """One request on a connection of its own; the answer's body."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(_content_length(head))
    finally:
        writer.close()
