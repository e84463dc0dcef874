"""Registering: nothing but a mail comes of it until its link is followed; only then there is an account.

So nobody can take an address before its owner does: the account gets the password of the registration whose link was
followed, and of no other.
"""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.service import emit_about
from models.identity import account_queries, events
from models.identity.passwords import hash_password
from models.identity.permissions import Role
from models.identity.services import mailed_links
from models.identity.services.provider_identities import link_identity
from models.identity.tables import User
from models.identity.values import Client, LinkPurpose
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.session import Database, fetch


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What someone gives when they register."""

    email: str
    password: str
    name: str
    phone: str | None = None
    locale: str | None = None
    timezone: str | None = None


async def register(
    session: AsyncSession, database: Database, actor: Actor, given: Registration, client: Client
) -> UUID:
    """Gives the registration's id, by which the mail can be sent again. Whether the address has an account shows
    neither in what is answered nor in what is done. Raises RateLimited.
    """
    await mailed_links.count_mail(database, given.email, client)
    hashed = await hash_password(given.password)
    link = await mailed_links.ask(
        session, actor, LinkPurpose.REGISTRATION, given.email, password_hash=hashed, name=given.name,
        phone=given.phone, locale=given.locale, timezone=given.timezone,
    )  # fmt: skip
    return link.id


async def verify_email(session: AsyncSession, actor: Actor, token: str) -> User:
    """A new student, as registered: with a password, or by a provider.

    Raises Unprocessable for a link that is spent or too old, or came too late.
    """
    link = await mailed_links.follow(session, token, LinkPurpose.REGISTRATION)
    if await fetch(session, account_queries.ENTERING_BY_EMAIL, link["email"]):
        raise mailed_links.spent()
    details = {name: link[name] for name in ("email", "name", "phone", "locale", "timezone", "password_hash")}
    user = await crud.add(session, User(**details, role=Role.STUDENT, email_verified_at=utc_now()))
    if link["provider"] and not await link_identity(session, user.id, link["provider"], link["subject"], user.email):
        raise mailed_links.spent()
    await fetch(session, account_queries.FORGET_LINKS, user.email)
    await emit_about(session, Actor("user", user.id, actor.request_id), events.REGISTERED, user)
    return user
