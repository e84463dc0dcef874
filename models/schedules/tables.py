"""Jobs that come again and again."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Resource
from models.kernel.personal import Personal, words


class Schedule(Resource):
    """`next_fire_at` is None while paused, and once the rule gives no more. `starts_at` is a wall-clock time."""

    __tablename__ = "schedules"
    personal = Personal(
        by="owner = ANY (:owners)",
        mentions=words("name payload"),
        plain=words("kind cron rrule timezone catch_up owner"),
    )

    name: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    priority: Mapped[int] = mapped_column(SmallInteger)
    cron: Mapped[str | None]
    rrule: Mapped[str | None]
    starts_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    timezone: Mapped[str]
    catch_up: Mapped[str]
    owner: Mapped[str]
    paused_at: Mapped[datetime | None]
    last_fire_at: Mapped[datetime | None]
    next_fire_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("catch_up IN ('skip', 'once', 'all')", name="catch_up"),
        CheckConstraint("(cron IS NULL) <> (rrule IS NULL)", name="timing"),
        CheckConstraint("paused_at IS NULL OR next_fire_at IS NULL", name="paused"),
        Index("ix_schedules_next_fire_at", "next_fire_at", postgresql_where=text("deleted_at IS NULL")),
    )
