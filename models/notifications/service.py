"""Mails: written and asked for in the caller's transaction, sent by a job, kept for reading in the sandbox."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.records import JobRecord
from models.jobs.service import enqueue
from models.kernel.actor import Actor
from models.kernel.errors import NotFound
from models.kernel.ids import new_id
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.session import Connection, fetch
from models.notifications import queries
from models.notifications.jobs import SendEmail
from models.notifications.rendering import Content, Template, render
from models.notifications.rules import text_of
from models.notifications.tables import Message

WRITTEN_BY_CALLER = "custom"


class Outgoing(msgspec.Struct, frozen=True):
    """A message as a provider needs it."""

    recipient: str
    recipient_name: str | None
    subject: str
    text: str
    html: str


async def request_email(
    session: AsyncSession,
    actor: Actor,
    template: Template | str,
    recipient: str,
    variables: Mapping[str, Any],
    *,
    recipient_name: str | None = None,
    confidential: bool = False,
) -> JobRecord:
    """Write a mail from a template (see `Template` for its variables) and ask for it to be sent."""
    template = Template(template)
    content = render(template, variables)
    return await _request(session, actor, template, (recipient, recipient_name), content, confidential=confidential)


async def request_written_email(
    session: AsyncSession,
    actor: Actor,
    *,
    to: str,
    to_name: str | None,
    subject: str,
    html: str,
    text: str | None,
) -> JobRecord:
    """Without `text`, that part is made from the HTML."""
    content = Content(subject, text if text is not None else text_of(html), html)
    return await _request(session, actor, WRITTEN_BY_CALLER, (to, to_name), content)


async def _request(
    session: AsyncSession,
    actor: Actor,
    template: str,
    to: tuple[str, str | None],
    content: Content,
    *,
    confidential: bool = False,
) -> JobRecord:
    message_id = new_id()
    job = await enqueue(session, actor, SendEmail(message_id=message_id))
    session.add(
        Message(
            id=message_id, channel="email", template=template, recipient=to[0], recipient_name=to[1],
            subject=content.subject, text=content.text, html=content.html, job_id=job.id, request_id=actor.request_id,
            confidential=confidential,
        )
    )  # fmt: skip
    await session.flush()
    return job


async def find_unsent(on: Connection, id_: UUID) -> Outgoing | None:
    """None when it was sent already."""
    rows = await fetch(on, queries.UNSENT, id_)
    return Outgoing(**rows[0]) if rows else None


async def record_sent(session: AsyncSession, id_: UUID, provider: str, provider_message_id: str | None) -> None:
    await fetch(session, queries.SENT, id_, provider, provider_message_id)


class MessagePage(Page):
    sortable = {"createdAt": Message.created_at, "sentAt": Message.sent_at}
    searched = (Message.recipient, Message.recipient_name, Message.subject)

    recipient: str | None = None
    template: str | None = None


async def list_sandbox_messages(
    session: AsyncSession, page: MessagePage, *, confidential: bool
) -> tuple[list[Message], Pagination]:
    """`confidential`: those too."""
    statement = queries.sandbox_messages(filters(page), confidential=confidential)
    return await paginate(session, statement, page)


async def get_sandbox_message(session: AsyncSession, id_: UUID, *, confidential: bool) -> Message:
    """Raises NotFound, also for a message that a real provider has sent."""
    message = await session.scalar(queries.sandbox_message(id_, confidential=confidential))
    if message is None:
        raise NotFound.thing("sandbox message", id_)
    return message


async def forget_messages(on: Connection, keep_days: int, limit: int = 1000) -> int:
    """Forget a chunk of those that nobody may ask for any more; gives how many."""
    return len(await fetch(on, queries.FORGET, keep_days, limit))
