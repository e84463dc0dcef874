"""Jobs, the truth, and the log of their attempts. Leases and times are by PostgreSQL's clock alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from models.jobs.rules import UNFINISHED, WAITING, JobStatus, LogLevel
from models.kernel.base import Base, one_of
from models.kernel.personal import Personal, words

_unfinished = "status IN (" + ", ".join(f"'{status}'" for status in UNFINISHED) + ")"
_waiting = "status IN (" + ", ".join(f"'{status}'" for status in WAITING) + ")"


class Job(Base):
    __tablename__ = "jobs"
    unaudited = "a job and its attempts are their own record"
    personal = Personal(
        by="owner = ANY (:owners)",
        mentions=words("payload progress_message result error steps state dedupe_key limit_key callback_url tags"),
        plain=words("kind queue status owner request_id worker cancel_verdict"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    queue: Mapped[str]
    payload: Mapped[dict[str, Any]]
    status: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    owner: Mapped[str]
    run_at: Mapped[datetime]
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    max_attempts: Mapped[int] = mapped_column(SmallInteger)
    uncounted_attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    attempts_before: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    start_by: Mapped[datetime | None]
    dedupe_key: Mapped[str | None]
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(TEXT))
    request_id: Mapped[str | None]
    schedule_id: Mapped[UUID | None]
    fire_at: Mapped[datetime | None]
    progress_current: Mapped[int | None]
    progress_total: Mapped[int | None]
    progress_message: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    limit_key: Mapped[str | None]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    callback_url: Mapped[str | None]
    steps: Mapped[list[Any] | None]
    state: Mapped[dict[str, Any] | None]
    cancel_requested_at: Mapped[datetime | None]
    cancel_verdict: Mapped[str | None]
    published_at: Mapped[datetime | None]
    message_id: Mapped[UUID | None]
    work_seconds: Mapped[float | None]
    redrive_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("status IN (" + ", ".join(f"'{s}'" for s in JobStatus) + ")", name="status"),
        CheckConstraint("lease_until IS NULL OR status = 'running'", name="lease_only_running"),
        CheckConstraint(
            "(status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="finished"
        ),
        Index(
            "ix_jobs_waiting",
            "queue", "owner", "kind", text("coalesce(limit_key, '')"), text("priority DESC"), "run_at", "id",
            postgresql_where=text("published_at IS NULL AND status = 'queued'"),
        ),
        Index("ix_jobs_later", "run_at", postgresql_where=text("status IN ('scheduled', 'retrying')")),
        Index("ix_jobs_later_owner", "owner", "run_at", postgresql_where=text("status IN ('scheduled', 'retrying')")),
        Index(
            "ix_jobs_published", "queue", "published_at",
            postgresql_where=text("published_at IS NOT NULL AND status = 'queued'"),
        ),
        Index(
            "ix_jobs_start_by", "start_by",
            postgresql_where=text(f"attempt = 0 AND start_by IS NOT NULL AND {_waiting}"),
        ),
        Index("ix_jobs_running", "queue", "kind", postgresql_where=text("status = 'running'")),
        Index(
            "uq_jobs_dedupe", "kind", "owner", "dedupe_key", unique=True,
            postgresql_where=text(f"dedupe_key IS NOT NULL AND {_unfinished}"),
        ),
        Index(
            "uq_jobs_schedule_fire", "schedule_id", "fire_at", unique=True, postgresql_where=text("fire_at IS NOT NULL")
        ),
        Index("ix_jobs_parent_id", "parent_id", "status", postgresql_where=text("parent_id IS NOT NULL")),
        Index("ix_jobs_tags", "tags", postgresql_using="gin", postgresql_where=text("tags IS NOT NULL")),
        Index("ix_jobs_schedule_id", "schedule_id", "id", postgresql_where=text("schedule_id IS NOT NULL")),
        Index(
            "ix_jobs_schedule_unfinished", "schedule_id",
            postgresql_where=text(f"schedule_id IS NOT NULL AND {_unfinished}"),
        ),
        Index("ix_jobs_dedupe_key", "dedupe_key", "id", postgresql_where=text("dedupe_key IS NOT NULL")),
        Index("ix_jobs_error_code", text("(error->>'code')"), "id", postgresql_where=text("error IS NOT NULL")),
        Index("ix_jobs_finished_at", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index(
            "ix_jobs_ended_children", "finished_at",
            postgresql_where=text("parent_id IS NOT NULL AND finished_at IS NOT NULL"),
        ),
        Index("ix_jobs_failed", "finished_at", "id", postgresql_where=text("status = 'failed'")),
        Index("ix_jobs_redrive_id", "redrive_id", "status", postgresql_where=text("redrive_id IS NOT NULL")),
        Index("ix_jobs_owner_id", "owner", "id"),
        Index("ix_jobs_kind_id", "kind", "id"),
    )  # fmt: skip


class JobAttempt(Base):
    """One row per attempt that has ended, never overwritten."""

    __tablename__ = "job_attempts"
    unaudited = "a job and its attempts are their own record"
    personal = Personal(mentions=words("error"), plain=words("worker outcome"))

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    worker: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    outcome: Mapped[str]
    error: Mapped[dict[str, Any] | None]

    __table_args__ = (
        # They come in the order of their ends, so that a few words per page range find the newest.
        Index(
            "ix_job_attempts_finished_at", "finished_at", postgresql_using="brin",
            postgresql_with={"autosummarize": "on", "pages_per_range": 16},
        ),
    )  # fmt: skip


class JobLogLine(Base):
    """What a handler said; `number` counts through all attempts of the job."""

    __tablename__ = "job_log_lines"
    unaudited = "a job and its attempts are their own record"
    personal = Personal(mentions=words("message fields"), plain=words("level"))

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    attempt: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime]
    level: Mapped[str]
    message: Mapped[str]
    fields: Mapped[dict[str, Any] | None]

    __table_args__ = (one_of("level", LogLevel),)


class JobStart(Base):
    """When an attempt of a kind that has a rate began; gone once its window has passed."""

    __tablename__ = "job_starts"
    unaudited = "a count"
    personal = Personal(mentions=words("limit_key"), plain=words("kind"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    limit_key: Mapped[str | None]
    at: Mapped[datetime]

    __table_args__ = (Index("ix_job_starts_kind_at", "kind", "at"),)


class PausedKind(Base):
    """A kind whose jobs wait until an operator resumes it."""

    __tablename__ = "paused_kinds"
    personal = Personal(by="paused_by = ANY (:owners)", plain=words("kind paused_by"))

    kind: Mapped[str] = mapped_column(primary_key=True)
    paused_by: Mapped[str]
    paused_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Lane(Base):
    """When a worker last took something from a queue, or was busy with what it took: that, not a process being up, is
    being alive."""

    __tablename__ = "lanes"
    unaudited = "a sign of life"
    personal = Personal(plain=words("queue worker"))

    queue: Mapped[str] = mapped_column(primary_key=True)
    worker: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


class SchedulerSeen(Base):
    """When a scheduler last looked at what waits, and whether the broker was away then."""

    __tablename__ = "schedulers_seen"
    unaudited = "a sign of life"
    personal = Personal(plain=words("scheduler"))

    scheduler: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    broker_away: Mapped[bool]


class JobHistogram(Base):
    """How many ended jobs of a kind waited (or ran) for a time within the bucket, and for how long together."""

    __tablename__ = "job_histograms"
    unaudited = "a count"
    personal = Personal(plain=words("kind measure"))

    kind: Mapped[str] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    jobs: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]


class AttemptCount(Base):
    """How many attempts of jobs of a kind ended in each outcome."""

    __tablename__ = "attempt_counts"
    unaudited = "a count"
    personal = Personal(plain=words("kind outcome"))

    kind: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[int] = mapped_column(BigInteger)


class CountedUntil(Base):
    """Up to which end of jobs and attempts the metrics have counted."""

    __tablename__ = "counted_until"
    unaudited = "a count"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    instant: Mapped[datetime]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
