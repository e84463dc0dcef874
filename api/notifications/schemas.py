"""Mails on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from models.kernel.schema import Email, In, Out
from models.notifications.rules import MessageStatus

# Neither may end its header line and begin another.
OneLine = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\r\n\x00-\x1f]+$")]


class EmailIn(In, kw_only=True):
    """Without `text`, the plain part is made from the HTML."""

    to: Email
    to_name: OneLine | None = None
    subject: OneLine
    html: Annotated[str, Meta(min_length=1, max_length=500_000, examples=["<p>See you on <b>Tuesday</b>.</p>"])]
    text: Annotated[str, Meta(max_length=500_000)] | None = None


class MessageOut(Out):
    id: UUID
    channel: str
    template: str
    recipient: str
    recipient_name: str | None
    subject: str
    status: MessageStatus
    provider: str | None
    job_id: UUID | None
    request_id: str | None
    created_at: datetime
    sent_at: datetime | None


class MessageWithContentOut(MessageOut):
    text: str
    html: str
