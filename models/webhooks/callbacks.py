"""The ended job, sent to the address its submitter named: what a waiting flow in n8n or Make resumes on."""

import base64
import hashlib
import hmac
from datetime import datetime
from uuid import UUID

import msgspec
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.endings import when_ends
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus, Queue
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM, Actor
from models.webhooks.envelope import envelope
from models.webhooks.jobs import retry_policy
from models.webhooks.rules import SECRET_PREFIX, signature_headers


class CalledBack(JobResult):
    """`status_code` is None when the job was gone, or was running again: its next end is told."""

    status_code: int | None


@kind(
    "webhooks.call_back", result=CalledBack, queue=Queue.WEBHOOKS, retry=retry_policy, time_limit_seconds=120.0,
    batch_size=100, announced=False, example={"jobId": "0198c0de-0000-7000-8000-000000000001"},
)  # fmt: skip
class CallBack(JobArgs):
    """Send an ended job to its `callbackUrl`. Asked for by the platform itself."""

    job_id: UUID


class EndedJob(msgspec.Struct, rename="camel"):
    """What the address gets as `data`."""

    id: UUID
    kind: str
    status: JobStatus
    attempt: int
    result: msgspec.Raw
    error: msgspec.Raw
    created_at: datetime
    finished_at: datetime | None


@when_ends(lambda job: job.callback_url is not None)
async def ask_for_callback(session: AsyncSession, job: JobRecord) -> None:
    """In the transaction in which the job ends, so that an ended job is always told of."""
    actor = Actor(SYSTEM.kind, request_id=job.request_id)
    await enqueue(session, actor, CallBack(job_id=job.id))


def callback_secret(secret_key: SecretStr, owner: str) -> str:
    """What callbacks for an owner's jobs are signed with: derived, so that there is nothing to store or to leak."""
    key = hmac.new(secret_key.get_secret_value().encode(), f"job callbacks of {owner}".encode(), hashlib.sha256)
    return SECRET_PREFIX + base64.b64encode(key.digest()).decode()


def callback_letter(job: JobRecord, secret: str, now: datetime) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the call, by Standard Webhooks. The id is of the job and this end of it: the same in every
    attempt to tell it, another when the job was retried and has ended again."""
    assert job.finished_at is not None
    ended = EndedJob(**{name: getattr(job, name) for name in EndedJob.__struct_fields__})
    data = msgspec.json.encode(ended)
    body = envelope(f"job.{job.status}", job.finished_at, job.attempt, data)
    return body, signature_headers([secret], f"{job.id}_{job.finished_at.timestamp() * 1e6:.0f}", now, body)
