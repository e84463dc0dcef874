"""The keys that a provider publishes (RFC 7517): Google's, Facebook's, those of a Clerk instance."""

from typing import Any

from models.identity.provider_tokens import usable_keys
from tasks.integrations.providers import ProviderHttp


class PublishedKeys:
    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    async def fetch(self, url: str) -> dict[str, dict[str, Any]]:
        """Those that may sign tokens, by id; at least one. Raises ProviderError."""
        reply = await self._http.get(url)
        keys = usable_keys(reply.content) if reply.status == 200 else {}
        if not keys:
            raise self._http.unusable(f"{reply.status} without a key to verify by")
        return keys
