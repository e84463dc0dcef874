"""The API as a process that serves over the network."""

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from cli.platform import LocalPlatform
from tests.support.client import ApiClient, eventually
from tests.support.servers import REPOSITORY

MANY_FILES = 20_000


@pytest.fixture
async def served(platform: LocalPlatform) -> AsyncIterator[str]:
    """The URL of an API process that was started with a shell's usual limit of open files."""
    command = f"ulimit -Sn 1024; exec {sys.executable} -m api"
    process = await asyncio.create_subprocess_shell(command, env=platform.env, cwd=REPOSITORY)
    url = platform.urls["api"]

    async def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (await http.get(f"{url}/health/ready")).status_code == 200
        return False

    async with httpx.AsyncClient(trust_env=False) as http:
        await eventually(answers)
    yield url
    process.terminate()
    await process.wait()


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may open as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_more_than_a_thousand_streams_are_open_at_once(client: ApiClient, served: str) -> None:
    job = await client.submit("probe.echo", {"text": "much later"}, runAt="2099-01-01T00:00:00Z")
    async with contextlib.AsyncExitStack() as opened:
        for _ in range(1_100):
            lines = await opened.enter_async_context(_stream(served, job["id"], client.headers["authorization"]))
            assert await asyncio.wait_for(lines.readline(), 20) == b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def _stream(url: str, job_id: str, authorization: str) -> AsyncIterator[asyncio.StreamReader]:
    """Without the cost of a client's own machinery."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    headers = f"Host: {address.netloc}\r\nAuthorization: {authorization}\r\n\r\n"
    writer.write(f"GET /api/v1/jobs/{job_id}/events HTTP/1.1\r\n{headers}".encode())
    try:
        yield reader
    finally:
        writer.close()
