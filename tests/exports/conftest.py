"""An API whose jobs nobody takes."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from api.app import create_app
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.conftest import sign_in
from tests.support.client import ApiClient


@pytest.fixture
async def quiet_client(quiet_database: Database, settings: Settings) -> AsyncIterator[ApiClient]:
    """An administrator's client of an API over the quiet database: jobs stay queued."""
    app = create_app(settings.model_copy(update={"database_url": quiet_database.url}))
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    async with ApiClient(transport=transport, base_url="http://test/api/v1") as client:
        yield await sign_in(client, quiet_database, "admin")
    await app.state.nudger.settle()
    await app.state.database.close()
