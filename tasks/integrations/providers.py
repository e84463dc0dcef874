"""Asking the providers that people sign in with: one GET, its answer as JSON, and what its failures mean."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from models.kernel.clock import utc_now
from tasks.integrations.retry_after import retry_after_seconds
from tasks.outcomes import ProviderError

MAX_BYTES = 256 * 1024


class Reply(msgspec.Struct, frozen=True):
    """`content` is the JSON of the body; None for anything else."""

    status: int
    content: Any


class ProviderHttp:
    """Messages of errors hold neither addresses nor headers: both carry secrets."""

    def __init__(self, session: aiohttp.ClientSession, name: str, timeout_seconds: float) -> None:
        self._session = session
        self._name = name
        self._timeout = timeout_seconds

    async def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Any answer below 500 that is not `too often`. Raises ProviderError for all else."""
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._session.get(url, params=params, headers=headers, allow_redirects=False) as response,
            ):
                content = await self._read(response)
        except TimeoutError:
            raise self.unreachable("has not answered in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self.unreachable(f"cannot be reached ({type(error).__name__})") from None
        if response.status == 429 or response.status >= 500:
            wait = retry_after_seconds(response.headers.get("retry-after"), utc_now())
            message = f"{self._name} answered {response.status}."
            raise ProviderError("SIGN_IN_PROVIDER_BUSY", message, retryable=True, retry_after=wait)
        return Reply(response.status, content)

    def unreachable(self, how: str) -> ProviderError:
        return ProviderError("SIGN_IN_PROVIDER_UNREACHABLE", f"{self._name} {how}.", retryable=True)

    def unusable(self, what: str) -> ProviderError:
        return ProviderError("SIGN_IN_PROVIDER_UNUSABLE", f"{self._name} answered {what}.", retryable=True)

    def refuses_us(self) -> ProviderError:
        """A matter of our settings, which no further attempt changes."""
        message = f"{self._name} does not accept our credentials; look at the settings."
        return ProviderError("SIGN_IN_PROVIDER_REFUSES_US", message, retryable=False)

    async def _read(self, response: aiohttp.ClientResponse) -> Any:
        body = bytearray()
        async for chunk in response.content.iter_chunked(16 * 1024):
            body += chunk
            if len(body) > MAX_BYTES:
                raise self.unusable("with more than can be true")
        try:
            return json.loads(bytes(body))
        except (ValueError, RecursionError):
            return None
