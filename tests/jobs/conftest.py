"""A worker's part, done by the tests themselves."""

from collections.abc import AsyncIterator

import pytest

from models.kernel.session import Database
from models.kernel.settings import Settings
from tasks.context import Tools
from tests.support.tools import making_tools


@pytest.fixture
async def tools(quiet_database: Database, settings: Settings) -> AsyncIterator[Tools]:
    async with making_tools(settings, quiet_database) as tools:
        yield tools
