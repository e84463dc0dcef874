"""Links that only the owner of a mailbox can follow: single-use, expiring, stored as a hash.

Whoever asks for one learns nothing of whether there is such a user: what is done and answered is the same. The job that
writes the mail finds out.
"""

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import account_queries
from models.identity.jobs import SendLink
from models.identity.rules import MAILS_PER_ADDRESS, MAILS_PER_RECIPIENT
from models.identity.services.guesses import count_tries
from models.identity.tables import MailedLink
from models.identity.values import Client, LinkPurpose
from models.jobs.service import enqueue
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crypto import digest
from models.kernel.errors import Unprocessable
from models.kernel.session import Database, Row, fetch
from models.kernel.settings import Settings
from models.notifications.rendering import Template
from models.notifications.service import request_email

LIFETIMES = {
    LinkPurpose.REGISTRATION: timedelta(days=1),
    LinkPurpose.PASSWORD_RESET: timedelta(hours=1),
    LinkPurpose.INVITATION: timedelta(days=7),
}
_CHOOSE_PASSWORD = "reset-password"


async def count_mail(database: Database, email: str, client: Client) -> None:
    """Nobody's mailbox is filled by others. Raises RateLimited, of unknown addresses as of known ones."""
    recipient, sender = f"mail:{digest(email.lower())}", f"mail-from:{client.counted_as}"
    await count_tries(database, {recipient: MAILS_PER_RECIPIENT, sender: MAILS_PER_ADDRESS})


async def ask(session: AsyncSession, actor: Actor, purpose: LinkPurpose, email: str, **details: Any) -> MailedLink:
    """`details` are what a registration's account will be made of."""
    link = MailedLink(purpose=purpose, email=email, expires_at=utc_now() + LIFETIMES[purpose], **details)
    session.add(link)
    await session.flush()
    await enqueue(session, actor, SendLink(link_id=link.id))
    return link


async def ask_again(session: AsyncSession, database: Database, actor: Actor, id_: UUID, client: Client) -> None:
    """Another mail for a registration, whose first link is then void. For one that is not there, nothing."""
    rows = await fetch(session, account_queries.FIND_LINK, id_)
    if rows and rows[0]["purpose"] == LinkPurpose.REGISTRATION:
        await count_mail(database, rows[0]["email"], client)
        await enqueue(session, actor, SendLink(link_id=id_))


async def send(session: AsyncSession, settings: Settings, actor: Actor, id_: UUID) -> None:
    """Write the mail, with a new token where a link is due. Nothing for a link that has expired or been followed."""
    for link in await fetch(session, account_queries.FIND_LINK, id_):
        users = await fetch(session, account_queries.ENTERING_BY_EMAIL, link["email"])
        user = users[0] if users else None
        if link["purpose"] == LinkPurpose.REGISTRATION:
            await _send_confirmation(session, settings, actor, link, user)
        elif user is not None and user["blocked_at"] is None:
            await _send_password_link(session, settings, actor, link, user)


async def follow(session: AsyncSession, token: str, *purposes: LinkPurpose) -> Row:
    """The link with this token, which is spent with it. Raises Unprocessable when there is none, or none any more."""
    rows = await fetch(session, account_queries.FOLLOW_LINK, digest(token), [each.value for each in purposes])
    if not rows:
        raise spent()
    return rows[0]


def spent() -> Unprocessable:
    return Unprocessable("This link has been used, or is too old; ask for a new one.")


async def _send_confirmation(
    session: AsyncSession, settings: Settings, actor: Actor, link: Row, user: Row | None
) -> None:
    """To who has an account already, a mail that says so. What the one who registered has typed is in neither."""
    if user is not None:
        variables = {"url": _page(settings, "forgot-password")}
        await request_email(session, actor, Template.ACCOUNT_EXISTS, link["email"], variables)
        return
    await _send_armed(session, settings, actor, link, None, Template.CONFIRM_EMAIL, "verify-email")


async def _send_password_link(session: AsyncSession, settings: Settings, actor: Actor, link: Row, user: Row) -> None:
    invited = link["purpose"] == LinkPurpose.INVITATION
    template = Template.INVITATION if invited else Template.RESET_PASSWORD
    await _send_armed(session, settings, actor, link, user["id"], template, _CHOOSE_PASSWORD)


async def _send_armed(
    session: AsyncSession,
    settings: Settings,
    actor: Actor,
    link: Row,
    user_id: UUID | None,
    template: Template,
    page: str,
) -> None:
    token = secrets.token_urlsafe(32)
    await fetch(session, account_queries.ARM_LINK, link["id"], digest(token), user_id)
    # Behind `#`, so that it is in no server's log and in no Referer.
    url = f"{_page(settings, page)}#token={quote(token)}"
    until = link["expires_at"].strftime("%Y-%m-%d %H:%M UTC")
    variables = {"url": url, "expires_at": until}
    await request_email(session, actor, template, link["email"], variables, confidential=True)


def _page(settings: Settings, name: str) -> str:
    return f"{(settings.web_url or settings.public_url).rstrip('/')}/{name}"
