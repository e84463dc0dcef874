"""What a worker has at hand, for tests that do its part themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from models.kernel.crypto import KeyRing
from models.kernel.files import FileStore
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.webhooks.service import address_policy
from tasks.context import Tools
from tasks.integrations.receivers import Receivers


def with_settings(tools: Tools, **changes: Any) -> Tools:
    return msgspec.structs.replace(tools, settings=tools.settings.model_copy(update=changes))


@asynccontextmanager
async def making_tools(settings: Settings, database: Database, keys: KeyRing | None = None) -> AsyncIterator[Tools]:
    receivers = Receivers(address_policy(settings), timeout_seconds=10.0)
    try:
        async with aiohttp.ClientSession() as http:
            yield Tools(
                settings=settings, database=database, files=FileStore(settings.files_url),
                keys=keys or KeyRing(settings.encryption_keys), http=http, receivers=receivers,
            )  # fmt: skip
    finally:
        await receivers.close()
