"""The keys that providers sign with, kept so that nobody waits for a provider who brings a token of a known key.

A key that is not known is asked for by a job: once, however many tokens name it, and then not again for a while.
What is known goes on while its provider is away.
"""

from typing import Any
from uuid import UUID

import msgspec

from models.identity import provider_queries
from models.identity.jobs import FetchKeys
from models.identity.provider_tokens import Issuer
from models.identity.values import Provider
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM
from models.kernel.session import Connection, Database, fetch
from models.kernel.settings import Settings

ASK_AGAIN_SECONDS = 30
# Keys that a provider has withdrawn are believed for so long at most, while it can be reached.
REFRESH_AFTER_SECONDS = 3600


class KnownKeys(msgspec.Struct, frozen=True):
    """`job_id` is the job that fetches or fetched them. `stale`: time to look whether they have changed; `asked`: that
    was done moments ago.
    """

    keys: dict[str, dict[str, Any]]
    job_id: UUID | None
    stale: bool
    asked: bool


def issuer_of(settings: Settings, provider: Provider) -> Issuer | None:
    """Whose tokens are believed; None for a provider that is not set up."""
    if provider is Provider.GOOGLE and settings.google_client_ids:
        names = ("https://accounts.google.com", "accounts.google.com")
        ours = settings.google_client_ids
        return Issuer(provider, settings.google_keys_url, names, audiences=ours, parties=ours)
    if provider is Provider.FACEBOOK and settings.facebook_app_id:
        names = ("https://www.facebook.com", "https://limited.facebook.com")
        ours = (settings.facebook_app_id,)
        return Issuer(provider, settings.facebook_keys_url, names, audiences=ours, parties=ours)
    if provider is Provider.CLERK and settings.clerk_issuer:
        name = settings.clerk_issuer.rstrip("/")
        parties = settings.clerk_authorized_parties
        return Issuer(provider, f"{name}/.well-known/jwks.json", (name,), parties=parties, party_required=True)
    return None


async def known_keys(on: Connection, issuer: Issuer) -> KnownKeys:
    rows = await fetch(on, provider_queries.KEY_SET, issuer.keys_url, REFRESH_AFTER_SECONDS, ASK_AGAIN_SECONDS)
    if not rows:
        return KnownKeys({}, None, stale=True, asked=False)
    return KnownKeys(_plain(rows[0]["keys"]), rows[0]["job_id"], rows[0]["stale"], rows[0]["asked"])


async def ask_for_keys(database: Database, issuer: Issuer) -> bool:
    """Have them fetched, unless they were asked for moments ago; says whether a job was made."""
    async with database.transaction() as session:
        if not await fetch(session, provider_queries.MAY_ASK_FOR_KEYS, issuer.keys_url, ASK_AGAIN_SECONDS):
            return False
        job = await enqueue(session, SYSTEM, FetchKeys(provider=issuer.provider))
        await fetch(session, provider_queries.NOTE_KEYS_JOB, issuer.keys_url, job.id)
    return True


async def store_keys(on: Connection, issuer: Issuer, keys: dict[str, dict[str, Any]]) -> None:
    await fetch(on, provider_queries.STORE_KEYS, issuer.keys_url, msgspec.json.encode(keys).decode())


def _plain(keys: Any) -> dict[str, dict[str, Any]]:
    """The pool for hot statements gives JSON as text, a session gives it as Python."""
    plain: dict[str, dict[str, Any]] = msgspec.json.decode(keys) if isinstance(keys, str) else keys
    return plain
