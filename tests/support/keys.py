"""API keys of integrations."""

from tests.support.client import ApiClient
from tests.support.sides import Headers


async def new_key(client: ApiClient, *scopes: str) -> tuple[str, Headers]:
    """Its id, and the header of its secret."""
    key = await client.create("/api-keys", name="integration", scopes=list(scopes))
    return key["key"]["id"], {"Authorization": f"Bearer {key['secret']}"}


async def key_with(client: ApiClient, *scopes: str) -> Headers:
    return (await new_key(client, *scopes))[1]
