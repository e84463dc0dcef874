"""The events about jobs (they stand here because jobs know nothing of events)."""

from uuid import UUID

import msgspec

from models.events.catalogue import event_type
from models.jobs.records import JobRecord
from models.jobs.rules import JobError, JobStatus


class JobEnded(msgspec.Struct, rename="camel"):
    id: UUID
    kind: str
    status: JobStatus
    attempt: int
    owner: str
    error: JobError | None


_example = {
    "id": "0198c0de-0000-7000-8000-000000000001", "kind": "exports.create", "status": "succeeded", "attempt": 1,
    "owner": "user:0198c0de-0000-7000-8000-000000000002", "error": None,
}  # fmt: skip

JOB_SUCCEEDED = event_type("job.succeeded", JobEnded, "A job has done its work.", _example)
JOB_FAILED = event_type(
    "job.failed", JobEnded, "A job has ended without doing its work; it stays, with its error.",
    {**_example, "status": "failed", "error": {"code": "DISK_FULL", "message": "…", "retryable": True}},
)  # fmt: skip

JOB_CANCELLED = event_type(
    "job.cancelled", JobEnded, "A job was cancelled before it had done its work.", {**_example, "status": "cancelled"}
)


def job_ended(job: JobRecord, status: JobStatus, error: JobError | None) -> JobEnded:
    return JobEnded(job.id, job.kind, status, job.attempt, job.owner, error)
