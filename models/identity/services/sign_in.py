"""Who signs in with a provider becomes a user: the one they are already, the one whose mail they own, or a new one.

An account is opened to somebody at a provider when the provider vouches that the account's mail is theirs, and the
mail was confirmed to us too. Where the provider does not vouch, its word is worth what a registration is: a mail is
sent, and nothing else happens until its link is followed. So nobody gets into an account, or takes an address, by
typing it in somewhere else.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.service import emit_about
from models.identity import events, provider_queries
from models.identity.permissions import Role
from models.identity.provider_tokens import Identity
from models.identity.services import mailed_links
from models.identity.services.provider_identities import find_user, link_identity, note_use
from models.identity.tables import User
from models.identity.values import Client, LinkPurpose
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.errors import Conflict, Forbidden, NotFound, Unprocessable
from models.kernel.schema import Email, Link
from models.kernel.session import Database, Row, fetch

MAX_NAME = 200


class Admitted(msgspec.Struct, frozen=True):
    """`is_new`: the account was made just now."""

    user_id: UUID
    is_new: bool


class Registered(msgspec.Struct, frozen=True):
    """There will be an account once the link out of the mail has been followed."""

    registration_id: UUID


async def admit(
    session: AsyncSession, database: Database, actor: Actor, identity: Identity, client: Client
) -> Admitted | Registered:
    """Raises Forbidden for who is blocked, Conflict for an account that must not be opened to them, Unprocessable
    without a mail, and RateLimited.
    """
    await fetch(session, provider_queries.LOCK_IDENTITY, f"{identity.provider}:{identity.subject}")
    user = await find_user(session, identity.provider, identity.subject)
    if user is None:
        return await _admit_stranger(session, database, actor, identity, client)
    _check_welcome(user["blocked_at"] is None)
    await note_use(session, identity)
    return Admitted(user["id"], is_new=False)


async def connect(session: AsyncSession, user_id: UUID, identity: Identity) -> None:
    """From now on the user may also sign in by this. Raises Conflict when it is somebody else's."""
    if not await link_identity(session, user_id, identity.provider, identity.subject, identity.email):
        raise Conflict(f"Another account here belongs to this {identity.provider.title()} account.")


async def list_identities(session: AsyncSession, user_id: UUID) -> Sequence[Row]:
    return await fetch(session, provider_queries.IDENTITIES_OF, user_id)


async def disconnect(session: AsyncSession, user_id: UUID, id_: UUID) -> None:
    """Raises NotFound, also for somebody else's, and Conflict for the last way into the account."""
    user = await crud.get_live(session, User, user_id, lock=True)
    identities = await list_identities(session, user_id)
    if id_ not in [each["id"] for each in identities]:
        raise NotFound.thing("identity", id_)
    if user.password_hash is None and len(identities) == 1:
        raise Conflict(
            "Choose a password first (`POST /auth/forgot-password`): there would be no way into the account."
        )
    await fetch(session, provider_queries.REMOVE_IDENTITY, id_)


async def keep_profile(
    session: AsyncSession, actor: Actor, user_id: UUID, identity: Identity, data: msgspec.Struct
) -> User:
    """Name and picture as the provider has them now, and what `data` gives of the rest."""
    user = await crud.get_live(session, User, user_id, lock=True)
    before = user.version
    user.name, user.avatar_url = _name_of(identity, user.name), avatar_of(identity) or user.avatar_url
    await crud.apply(session, user, data)
    if user.version != before:
        await emit_about(session, Actor("user", user.id, actor.request_id), events.USER.updated, user)
    return user


async def _admit_stranger(
    session: AsyncSession, database: Database, actor: Actor, identity: Identity, client: Client
) -> Admitted | Registered:
    email = _usable_email(identity)
    if not identity.email_proven:
        return await _register(session, database, actor, identity, email, client)
    owner = await _find_owner(session, email)
    if owner is None and (user := await _create(session, actor, identity, email)):
        return Admitted(user.id, is_new=True)
    owner = owner or await _find_owner(session, email)
    if owner is None or owner["email_verified_at"] is None:
        raise Conflict(
            f"There is an account with this mail, which was not confirmed yet. Confirm it, or reset its password; then "
            f"sign in with {identity.provider.title()} again."
        )
    _check_welcome(owner["blocked_at"] is None)
    await connect(session, owner["id"], identity)
    return Admitted(owner["id"], is_new=False)


async def _register(
    session: AsyncSession, database: Database, actor: Actor, identity: Identity, email: str, client: Client
) -> Registered:
    await mailed_links.count_mail(database, email, client)
    link = await mailed_links.ask(
        session, actor, LinkPurpose.REGISTRATION, email, name=_name_of(identity, email.partition("@")[0]),
        provider=identity.provider, subject=identity.subject,
    )  # fmt: skip
    return Registered(link.id)


async def _find_owner(session: AsyncSession, email: str) -> Row | None:
    rows = await fetch(session, provider_queries.USER_BY_EMAIL, email)
    return rows[0] if rows else None


async def _create(session: AsyncSession, actor: Actor, identity: Identity, email: str) -> User | None:
    """None when somebody else has got an account with the mail in this very moment."""
    user = User(
        email=email, name=_name_of(identity, email.partition("@")[0]), avatar_url=avatar_of(identity),
        role=Role.STUDENT, email_verified_at=utc_now(),
    )  # fmt: skip
    try:
        async with session.begin_nested():
            await crud.add(session, user)
    except IntegrityError:
        return None
    await connect(session, user.id, identity)
    await emit_about(session, Actor("user", user.id, actor.request_id), events.REGISTERED, user)
    return user


def avatar_of(identity: Identity) -> str | None:
    url = identity.avatar_url
    return url if url and url.startswith("https://") and _fits(url, Link) else None


def _check_welcome(welcome: bool) -> None:
    if not welcome:
        raise Forbidden("This account is blocked.")


def _usable_email(identity: Identity) -> str:
    if identity.email is None or not _fits(identity.email, Email):
        raise Unprocessable(
            f"{identity.provider.title()} tells no mail address of yours, and an account needs one: allow it to, or "
            "register with a password."
        )
    return identity.email


def _name_of(identity: Identity, otherwise: str) -> str:
    return ((identity.name or "").strip() or otherwise)[:MAX_NAME]


def _fits(text: str, type_: Any) -> bool:
    try:
        msgspec.convert(text, type_)
    except msgspec.ValidationError:
        return False
    return True
