"""The API as a process of its own, one of everything in its tables, and its document."""

import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar

from cli.embedded.ports import choose_port
from cli.platform import LocalPlatform
from cli.processes import ProcessGroup, ProcessSpec
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.operations import document_of
from tests.support.servers import REPOSITORY
from tests.support.world import build_world


@pytest.fixture
def document(app: Litestar) -> dict[str, Any]:
    return document_of(app)


@pytest.fixture
async def world(client: ApiClient, database: Database) -> dict[str, str]:
    return await build_world(client, database)


@pytest.fixture(scope="session")
def api_process(platform: LocalPlatform, database: Database) -> Iterator[str]:
    """The base URL of an API that serves the test's tables over a real connection."""
    port = choose_port(None)
    url = f"http://127.0.0.1:{port}"
    group = ProcessGroup(platform.state_dir / "log", REPOSITORY)
    env = {**platform.env, "BELLWORK_API_PORT": str(port), "BELLWORK_LOG_LEVEL": "INFO"}
    command = (sys.executable, "-m", "tests.support.api")
    try:
        group.start([ProcessSpec("lone-api", command, env, lambda: _answers(url))])
        yield url
    finally:
        group.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
