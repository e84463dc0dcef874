"""A job as read from its row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from models.jobs.rules import FINISHED, JobStatus
from models.kernel.session import Row

NOTHING = msgspec.Raw(b"null")


class JobRecord(msgspec.Struct, frozen=True):
    """`payload`, `result` and `error` stay JSON text until someone looks into them."""

    id: UUID
    kind: str
    queue: str
    payload: msgspec.Raw
    status: JobStatus
    priority: int
    owner: str
    run_at: datetime
    start_by: datetime | None
    attempt: int
    max_attempts: int
    uncounted_attempts: int
    attempts_before: int
    dedupe_key: str | None
    tags: list[str]
    request_id: str | None
    parent_id: UUID | None
    callback_url: str | None
    schedule_id: UUID | None
    fire_at: datetime | None
    progress_current: int | None
    progress_total: int | None
    progress_message: str | None
    result: msgspec.Raw
    error: msgspec.Raw
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: msgspec.Raw
    state: msgspec.Raw
    cancel_requested_at: datetime | None
    cancel_verdict: str | None

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def attempts_counted(self) -> int:
        """Since it was submitted, or last retried by somebody."""
        return self.attempt - self.uncounted_attempts - self.attempts_before


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to be stored; the fields are in the order of the statement's parameters."""

    id: UUID
    kind: str
    queue: str
    payload: str
    priority: int
    owner: str
    run_at: datetime | None
    max_attempts: int
    dedupe_key: str | None
    request_id: str | None
    limit_key: str | None
    schedule_id: UUID | None
    fire_at: datetime | None
    callback_url: str | None
    start_by: datetime | None
    tags: str | None


class AttemptRecord(msgspec.Struct, frozen=True):
    attempt: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error: msgspec.Raw


JSON_COLUMNS = ("payload", "result", "error", "steps", "state")
_JOB_COLUMNS = [field for field in JobRecord.__struct_fields__ if field not in (*JSON_COLUMNS, "status", "tags")]


def job_record(row: Row) -> JobRecord:
    columns: dict[str, Any] = {name: row[name] for name in _JOB_COLUMNS}
    columns |= {name: _raw(row[name]) for name in JSON_COLUMNS}
    return JobRecord(status=JobStatus(row["status"]), tags=row["tags"] or [], **columns)


def array_of(texts: Sequence[str]) -> str | None:
    """As PostgreSQL writes an array of texts, so that arrays of several rows fit into one; None for none."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}" if texts else None


def attempt_record(row: Row) -> AttemptRecord:
    return AttemptRecord(
        row["attempt"],
        row["worker"],
        row["started_at"],
        row["finished_at"],
        row["outcome"],
        _raw(row["error"]),
    )


def _raw(value: Any) -> msgspec.Raw:
    """A JSON column as text: the drivers give a string, the ORM has already decoded it."""
    if value is None:
        return NOTHING
    return msgspec.Raw(value.encode() if isinstance(value, str) else msgspec.json.encode(value))
