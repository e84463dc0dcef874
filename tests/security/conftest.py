"""The API as a process of its own, one of everything in its tables, and its document."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar

from cli.platform import LocalPlatform
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.lone_api import lone_api
from tests.support.operations import document_of
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
    with lone_api(platform, BELLWORK_LOG_LEVEL="INFO") as url:
        yield url
