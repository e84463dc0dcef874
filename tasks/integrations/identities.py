"""The port to providers that know who somebody is."""

from typing import Protocol

from models.identity.provider_tokens import Identity


class IdentityRefused(Exception):
    """The provider does not know them, or knows them as somebody else's user; the text is for the caller."""


class IdentitySource(Protocol):
    async def identify(self, credential: str) -> Identity:
        """Who the credential belongs to. Raises IdentityRefused and ProviderError."""
        ...
