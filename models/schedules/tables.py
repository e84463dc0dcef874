"""Jobs that come again and again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Resource, one_of
from models.kernel.personal import Personal, words
from models.schedules.rules import CatchUp, LeftOut, Overlap


class Schedule(Resource):
    """`next_fire_at` is None while paused, and once the rule gives no more. `starts_at` is a wall-clock time.

    `key` is the owner's own name for it. `last_job_id` is the job made for `last_fire_at`; it may be forgotten by now.
    `last_skipped_at` is the latest fire time that made none, for `last_skipped_reason`. `last_error` is why it could
    not fire, until it can again. Its jobs are made with `priority` to `callback_url`, and must start within so many
    seconds of that.
    """

    __tablename__ = "schedules"
    unnoticed = frozenset(
        {"last_fire_at", "next_fire_at", "last_job_id", "last_skipped_at", "last_skipped_reason", "last_error"}
    )
    personal = Personal(
        by="owner = ANY (:owners)",
        mentions=words("name payload key tags callback_url last_error"),
        plain=words("kind cron rrule timezone catch_up overlap last_skipped_reason owner"),
    )

    name: Mapped[str]
    key: Mapped[str | None]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    priority: Mapped[int] = mapped_column(SmallInteger)
    tags: Mapped[list[str]] = mapped_column(ARRAY(TEXT), default=list, server_default=text("'{}'"))
    max_attempts: Mapped[int | None] = mapped_column(SmallInteger)
    start_within_seconds: Mapped[int | None]
    callback_url: Mapped[str | None]
    cron: Mapped[str | None]
    rrule: Mapped[str | None]
    starts_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    timezone: Mapped[str]
    catch_up: Mapped[str]
    overlap: Mapped[str] = mapped_column(default=Overlap.ALLOW, server_default=Overlap.ALLOW)
    owner: Mapped[str]
    paused_at: Mapped[datetime | None]
    last_fire_at: Mapped[datetime | None]
    last_job_id: Mapped[UUID | None]
    last_skipped_at: Mapped[datetime | None]
    last_skipped_reason: Mapped[str | None]
    last_error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    next_fire_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("catch_up", CatchUp),
        one_of("overlap", Overlap),
        one_of("last_skipped_reason", LeftOut),
        CheckConstraint("catch_up <> 'all' OR overlap <> 'skip'", name="overlap_of_all"),
        CheckConstraint("(cron IS NULL) <> (rrule IS NULL)", name="timing"),
        CheckConstraint("paused_at IS NULL OR next_fire_at IS NULL", name="paused"),
        Index("ix_schedules_next_fire_at", "next_fire_at", postgresql_where=text("deleted_at IS NULL")),
        Index(
            "uq_schedules_owner_key", "owner", "key", unique=True,
            postgresql_where=text("key IS NOT NULL AND deleted_at IS NULL"),
        ),
    )  # fmt: skip
