"""Passwords of people who have one: shown again before what matters, changed, forgotten, chosen anew."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import account_queries
from models.identity.caller import Caller
from models.identity.passwords import hash_password, matches
from models.identity.rules import GUESSES_PER_ACCOUNT, password_faults
from models.identity.services import mailed_links
from models.identity.services.guesses import count_tries, forgive, guesses_at
from models.identity.tables import User
from models.identity.values import Client, LinkPurpose
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.errors import Forbidden, Invalid, NotFound
from models.kernel.session import Database, fetch
from models.notifications.rendering import Template
from models.notifications.service import request_email


async def check_password(session: AsyncSession, database: Database, caller: Caller, password: str) -> User:
    """Who is calling, after they have shown their password again. Raises Forbidden and RateLimited."""
    user = await crud.get_live(session, User, caller.require_person())
    tries = guesses_at(user.email)
    await count_tries(database, {tries: GUESSES_PER_ACCOUNT})
    if not await matches(user.password_hash, password):
        raise Forbidden("The password is wrong.")
    await forgive(database, wholly=tries)
    return user


async def change_password(session: AsyncSession, database: Database, caller: Caller, current: str, new: str) -> None:
    """Ends all other sessions. Raises Forbidden when the current password is wrong, Invalid for a bad new one."""
    user = await check_password(session, database, caller, current)
    await _set_password(session, caller, user.id, new, keep=caller.session_id, shown=user.password_hash)


async def forgot_password(session: AsyncSession, database: Database, actor: Actor, email: str, client: Client) -> None:
    """Asks for a mail to that address; the job that writes it finds out whether there is such a user."""
    await mailed_links.count_mail(database, email, client)
    await mailed_links.ask(session, actor, LinkPurpose.PASSWORD_RESET, email)


async def reset_password(session: AsyncSession, actor: Actor, token: str, new: str) -> None:
    """By a link out of a mail; ends all sessions. Raises Unprocessable for a link that is spent or too old."""
    link = await mailed_links.follow(session, token, LinkPurpose.PASSWORD_RESET, LinkPurpose.INVITATION)
    try:
        user = await _set_password(session, actor, link["user_id"], new)
    except NotFound:
        raise mailed_links.spent() from None
    if user.blocked_at is not None:
        raise mailed_links.spent()
    user.email_verified_at = user.email_verified_at or utc_now()
    await session.flush()


async def _set_password(
    session: AsyncSession, actor: Actor, user_id: UUID, new: str, *, keep: UUID | None = None, shown: str | None = None
) -> User:
    """The user is locked before sessions are ended: a login under way with the old password finds a new one.

    `shown` is the hash of the password that was shown for this, which must still be theirs.
    """
    hashed = await hash_password(new)
    user = await crud.get_live(session, User, user_id, lock=True)
    if shown is not None and user.password_hash != shown:
        raise Forbidden("The password was changed meanwhile.")
    if faults := password_faults("newPassword", new, user.email):
        raise Invalid.of(faults)
    is_first, user.password_hash = user.password_hash is None, hashed
    await session.flush()
    await fetch(session, account_queries.END_SESSIONS, user.id, keep)
    await fetch(session, account_queries.FORGET_LINKS, user.email)
    if not is_first:
        await request_email(session, actor, Template.PASSWORD_CHANGED, user.email, {}, recipient_name=user.name)
    return user
