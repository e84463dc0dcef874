"""Visitors: sessions of nobody in particular, which end by themselves."""

from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import provider_queries
from models.identity.caller import Caller
from models.identity.permissions import GUEST
from models.identity.tables import GuestSession
from models.identity.tokens import Purpose, issue_token, read_token
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.errors import Unauthorized
from models.kernel.reach import Reach
from models.kernel.session import Connection, fetch
from models.kernel.settings import Settings


class OpenedSession(msgspec.Struct, frozen=True):
    """The token opens the session until it expires; nothing else does."""

    token: str
    session: GuestSession


async def open_guest_session(session: AsyncSession, settings: Settings) -> OpenedSession:
    now, lifetime = utc_now(), timedelta(hours=settings.guest_session_hours)
    row = await crud.add(session, GuestSession(expires_at=now + lifetime))
    return OpenedSession(issue_token(settings, Purpose.GUEST, row.id, now, lifetime), row)


async def authenticate_guest(on: Connection, settings: Settings, token: str) -> Caller:
    """Raises Unauthorized for a bad token, and for a session that has ended."""
    rows = await fetch(on, provider_queries.GUEST_FOR_TOKEN, read_token(settings, Purpose.GUEST, token).subject)
    if not rows:
        raise Unauthorized("This visitor's session has ended.")
    return Caller(kind=GUEST, id=rows[0]["id"], role=None, scopes=frozenset())


async def get_guest_session(session: AsyncSession, reach: Reach, id_: UUID) -> GuestSession:
    """Raises NotFound, also for a session out of reach."""
    return await crud.get_live(session, GuestSession, id_, reach=reach)


async def end_guest_session(session: AsyncSession, reach: Reach, id_: UUID) -> None:
    """Raises NotFound as `get_guest_session`."""
    row = await crud.get_live(session, GuestSession, id_, lock=True, reach=reach)
    row.deleted_at = utc_now()
    await session.flush()
