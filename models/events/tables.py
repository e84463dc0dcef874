"""What happened, immutably. `position` is given when the event is published, so that it grows in visible order; the
oldest are forgotten after a time.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Base
from models.kernel.personal import Personal, veiled, words


class Event(Base):
    __tablename__ = "events"
    unaudited = "events are never changed and tell who did what"
    personal = Personal(
        whose="resource_id = ANY (:ids)",
        by="actor = ANY (:owners)",
        erased={"payload": veiled("payload")},
        mentions=words("payload"),
        shown={"payload": "CASE WHEN resource_id = ANY (:ids) THEN payload END"},
        plain=words("type resource_type actor request_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    resource_type: Mapped[str]
    resource_id: Mapped[UUID]
    payload: Mapped[dict[str, Any]]
    actor: Mapped[str]
    request_id: Mapped[str | None]
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    position: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        Index("uq_events_position", "position", unique=True, postgresql_where=text("position IS NOT NULL")),
        Index("ix_events_unpublished", "id", postgresql_where=text("position IS NULL")),
        Index("ix_events_resource", "resource_type", "resource_id", "id"),
    )
