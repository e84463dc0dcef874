"""Messages to people, and what became of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Entity
from models.kernel.personal import Personal, words


class Message(Entity):
    """`provider` is `sandbox` when no key is configured: the message is then only kept, to be read.

    A `confidential` one opens an account to whoever reads it: only administrators do so in the sandbox, and once a
    provider has it, it is not kept.
    """

    __tablename__ = "messages"
    unaudited = "a message is its own record of what was sent to whom"
    personal = Personal(
        whose="lower(recipient) = ANY (:emails)",
        ends=True,
        mentions=words("subject text html error recipient recipient_name"),
        plain=words("channel template status provider provider_message_id request_id"),
        shown={name: f"CASE WHEN NOT confidential THEN {name} END" for name in ("text", "html")},
    )

    channel: Mapped[str]
    template: Mapped[str]
    recipient: Mapped[str]
    recipient_name: Mapped[str | None]
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending", server_default="pending")
    provider: Mapped[str | None]
    provider_message_id: Mapped[str | None]
    error: Mapped[str | None]
    confidential: Mapped[bool] = mapped_column(default=False, server_default="false")
    job_id: Mapped[UUID | None]
    request_id: Mapped[str | None]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("status IN ('pending', 'sent', 'failed')", name="status"),
        CheckConstraint("channel IN ('email')", name="channel"),
        Index("ix_messages_provider_id", "provider", "id"),
        Index("ix_messages_updated_at", "updated_at", postgresql_where=sql("status <> 'pending'")),
    )
