"""Which user somebody at a provider is."""

from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import provider_queries
from models.identity.caller import Caller
from models.identity.permissions import ROLE_SCOPES, Role
from models.identity.provider_tokens import Identity
from models.identity.values import NEWCOMER, Provider
from models.kernel.errors import Unauthorized
from models.kernel.ids import new_id
from models.kernel.session import Connection, Row, fetch


async def find_user(on: Connection, provider: str, subject: str) -> Row | None:
    """`id`, `role` and `blocked_at` of the user, who may be blocked but is not deleted."""
    rows = await fetch(on, provider_queries.USER_OF_IDENTITY, provider, subject)
    return rows[0] if rows else None


async def link_identity(session: AsyncSession, user_id: UUID, provider: str, subject: str, email: str | None) -> bool:
    """Whether it is linked to the user now: what belongs to another user stays theirs."""
    return bool(await fetch(session, provider_queries.LINK_IDENTITY, new_id(), user_id, provider, subject, email))


async def note_use(session: AsyncSession, identity: Identity) -> None:
    await fetch(session, provider_queries.USE_IDENTITY, identity.provider, identity.subject, identity.email)


async def authenticate_subject(on: Connection, provider: Provider, subject: str) -> Caller:
    """Who calls with a token the provider has signed: a user, or a newcomer whom nobody knows yet.

    Raises Unauthorized for who is blocked.
    """
    user = await find_user(on, provider, subject)
    if user is None:
        return Caller(kind=NEWCOMER, id=uuid5(NAMESPACE_URL, f"{provider}:{subject}"), role=None, scopes=frozenset())
    if user["blocked_at"] is not None:
        raise Unauthorized("This account is blocked.")
    role = Role(user["role"])
    return Caller(kind="user", id=user["id"], role=role, scopes=ROLE_SCOPES[role])
