"""Who wants to hear of events, what each was sent, and every attempt at it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Base, Resource
from models.kernel.personal import Personal, words


class WebhookEndpoint(Resource):
    """`event_types` are types or globs. Secrets are encrypted; the previous one signs until `previous_until`.

    `last_sequence` numbers the endpoint's deliveries without gaps.
    """

    __tablename__ = "webhook_endpoints"
    masked = encrypted = frozenset({"headers", "secret", "previous_secret"})
    unnoticed = frozenset({"last_sequence"})
    personal = Personal(
        by="created_by = ANY (:owners)",
        mentions=words("url description payload_filter disabled_reason"),
        plain=words("event_types created_by"),
    )

    url: Mapped[str]
    event_types: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    payload_filter: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    description: Mapped[str | None]
    headers: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default="true")
    disabled_reason: Mapped[str | None]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    last_sequence: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_by: Mapped[str]


class WebhookDelivery(Base):
    """One event for one endpoint; the job tries, the delivery remembers.

    `event_type` is the type as sent: for an event `webhook.test` the one that was asked for.
    """

    __tablename__ = "webhook_deliveries"
    unaudited = "a delivery and its attempts are their own record"
    personal = Personal(plain=words("event_type status"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    event_type: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    job_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("status IN ('pending', 'delivered', 'failed', 'ended')", name="status"),
        Index("uq_webhook_deliveries_sequence", "endpoint_id", "sequence", unique=True),
        Index("ix_webhook_deliveries_event_id", "event_id"),
    )


class WebhookAttempt(Base):
    """Written before the call, completed after it: what was under way when a worker died can be seen."""

    __tablename__ = "webhook_attempts"
    unaudited = "a delivery and its attempts are their own record"
    personal = Personal(mentions=words("error answer"))

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    started_at: Mapped[datetime]
    duration_ms: Mapped[int | None]
    status_code: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None]
    answer: Mapped[str | None]
