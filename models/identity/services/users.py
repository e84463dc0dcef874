"""Users as administrators see and change them. There is always an administrator who can log in."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.catalogue import EventType
from models.events.service import emit_about
from models.identity import account_queries, events
from models.identity.caller import Caller
from models.identity.passwords import hash_password
from models.identity.permissions import Role
from models.identity.services import mailed_links
from models.identity.tables import User
from models.identity.values import LinkPurpose, UserStatus
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.crud import ANY, Match
from models.kernel.errors import Conflict
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.schema import given as given_fields
from models.kernel.session import fetch


class UserPage(Page):
    sortable = {
        "createdAt": User.created_at, "name": User.name, "email": User.email, "lastLoginAt": User.last_login_at,
    }  # fmt: skip
    searched = (User.name, User.email, User.phone)

    role: Role | None = None
    status: UserStatus | None = None
    email_verified: bool | None = None


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """Without a password, the user is sent a link to choose one."""

    email: str
    name: str
    role: Role
    phone: str | None
    avatar_url: str | None
    locale: str | None
    timezone: str | None
    password: str | None


async def list_users(session: AsyncSession, page: UserPage) -> tuple[list[User], Pagination]:
    return await paginate(session, account_queries.users(filters(page)), page)


async def create_user(session: AsyncSession, caller: Caller, given: NewUser) -> User:
    """Raises Conflict when the email is taken."""
    values = msgspec.structs.asdict(given)
    password = values.pop("password")
    hashed = await hash_password(password) if password is not None else None
    user = await crud.add(session, User(**values, password_hash=hashed))
    if password is None:
        await mailed_links.ask(session, caller, LinkPurpose.INVITATION, user.email)
    await emit_about(session, caller, events.USER.created, user)
    return user


async def update_user(session: AsyncSession, caller: Caller, id_: UUID, data: msgspec.Struct, match: Match) -> User:
    """Raises Conflict when the last administrator would become something else."""
    if given_fields(data).get("role", Role.ADMIN) != Role.ADMIN:
        await keep_an_admin(session, id_)
    user = await crud.update(session, User, id_, data, match)
    await emit_about(session, caller, events.USER.updated, user)
    return user


async def block_user(session: AsyncSession, caller: Caller, id_: UUID) -> User:
    """All their sessions end. Raises Conflict for the last administrator."""
    await keep_an_admin(session, id_)
    user = await crud.get_live(session, User, id_, lock=True)
    if user.blocked_at is None:
        user.blocked_at = utc_now()
        await session.flush()
        await _shut_out(session, caller, user, events.BLOCKED)
    return user


async def unblock_user(session: AsyncSession, caller: Caller, id_: UUID) -> User:
    user = await crud.get_live(session, User, id_, lock=True)
    if user.blocked_at is not None:
        user.blocked_at = None
        await session.flush()
        await emit_about(session, caller, events.UNBLOCKED, user)
    return user


async def delete_user(
    session: AsyncSession, caller: Caller, id_: UUID, match: Match = ANY, *, hard: bool = False
) -> None:
    """`hard` is for good. Raises Conflict for the last administrator, and for good while others refer to the user."""
    await keep_an_admin(session, id_)
    user = await crud.delete(session, User, id_, match, hard=hard)
    await _shut_out(session, caller, user, events.USER.deleted)


async def restore_user(session: AsyncSession, caller: Caller, id_: UUID) -> User:
    """Raises Conflict when someone else has the address now."""
    user = await crud.restore(session, User, id_)
    await emit_about(session, caller, events.USER.updated, user)
    return user


async def keep_an_admin(session: AsyncSession, id_: UUID) -> None:
    """Before the user is locked: all who change administrators take their locks in one order."""
    admins = [row["id"] for row in await fetch(session, account_queries.HOLD_ADMINS)]
    if admins == [id_]:
        raise Conflict("This is the last administrator who can log in.")


async def _shut_out(session: AsyncSession, caller: Caller, user: User, event: EventType) -> None:
    await fetch(session, account_queries.END_SESSIONS, user.id, None)
    await fetch(session, account_queries.FORGET_LINKS, user.email)
    await emit_about(session, caller, event, user)
