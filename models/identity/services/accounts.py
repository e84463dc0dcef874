"""Users as they see and change themselves, and as they are made."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.service import emit_about
from models.identity import account_queries, events
from models.identity.caller import Caller
from models.identity.passwords import hash_password
from models.identity.permissions import Role
from models.identity.preferences import Preferences
from models.identity.tables import User
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.crud import Match
from models.kernel.session import Connection, fetch


async def get_user(session: AsyncSession, id_: UUID) -> User:
    """Raises NotFound."""
    return await crud.get_live(session, User, id_)


async def create_user(session: AsyncSession, *, email: str, name: str, role: Role, password: str) -> User:
    """Whoever calls this vouches for the address."""
    hashed = await hash_password(password)
    user = User(email=email, name=name, role=role, password_hash=hashed, email_verified_at=utc_now())
    return await crud.add(session, user)


async def has_admin(on: Connection) -> bool:
    return bool(await fetch(on, account_queries.ANY_ADMIN))


async def get_profile(session: AsyncSession, caller: Caller) -> User:
    """Raises Forbidden for what is no user."""
    return await get_user(session, caller.require_person())


async def update_profile(session: AsyncSession, caller: Caller, data: msgspec.Struct, match: Match) -> User:
    """`data` is a part of a user, without what decides on their rights."""
    user = await crud.update(session, User, caller.require_person(), data, match)
    await emit_about(session, caller, events.USER.updated, user)
    return user


async def update_preferences(
    session: AsyncSession, caller: Caller, preferences: Preferences, timezone: str | None, match: Match
) -> User:
    """Nobody else follows these, so no event tells of them."""
    user = await crud.get_live(session, User, caller.require_person(), lock=True)
    match.check(user)
    user.preferences, user.timezone = msgspec.to_builtins(preferences), timezone
    await session.flush()
    return user


def preferences_of(user: User) -> Preferences:
    return msgspec.convert(user.preferences, Preferences)
