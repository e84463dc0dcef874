"""Jobs on the wire."""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Meta

from api.examples import example_of
from models.jobs.kinds import JobKind, kind_named
from models.jobs.limits import Limits
from models.jobs.operations import Pause
from models.jobs.pace import Pace
from models.jobs.records import AttemptRecord, JobRecord
from models.jobs.rules import DEFAULT_PRIORITY, CancelVerdict, JobStatus, OnDuplicate, Priority, Progress, RetryPolicy
from models.jobs.waiting import start_faults
from models.kernel.errors import Fault
from models.kernel.schema import In, Instant, Out, Rule

CallbackUrl = Annotated[
    str, Meta(max_length=2000, pattern=r"^https?://", description="gets the ended job as a signed webhook")
]

StartBy = Annotated[Instant, Meta(description="the job ends as failed (`EXPIRED`) if it has not started by then")]
Tag = Annotated[str, Meta(min_length=1, max_length=64, examples=["import:2026-02"])]
Tags = Annotated[list[Tag], Meta(max_length=10, description="to find it by: `GET /jobs?tag=`")]
ON_DUPLICATE = "`replace` puts this into the place of the job with the same `dedupeKey`, if that has not started"


class JobIn(In):
    """`payload` is the kind's own (see `GET /job-kinds`). At most one unfinished job of yours has a
    `dedupeKey`, per kind."""

    kind: Annotated[str, Meta(max_length=100, examples=["cycles.generate_meetings"])]
    payload: dict[str, Any]
    run_at: Instant | None = None
    start_by: StartBy | None = None
    priority: Priority = DEFAULT_PRIORITY
    dedupe_key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    on_duplicate: Annotated[OnDuplicate, Meta(description=ON_DUPLICATE)] = OnDuplicate.KEEP
    tags: Tags = []
    max_attempts: Annotated[int, Meta(ge=1, le=25)] | None = None
    callback_url: CallbackUrl | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        lambda job: start_faults(None, job.start_by),
        lambda job: start_faults(job.run_at, job.start_by),
        lambda job: _replaced_by_key(job.on_duplicate, job.dedupe_key),
    )


def _replaced_by_key(on_duplicate: OnDuplicate, dedupe_key: str | None) -> list[Fault]:
    lacks_key = on_duplicate == OnDuplicate.REPLACE and dedupe_key is None
    return [Fault("onDuplicate", "needs a `dedupeKey`")] if lacks_key else []


class BatchJobIn(JobIn):
    """A job of a batch: without a `dedupeKey` and a `callbackUrl`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        *JobIn.rules,
        lambda job: _not_in_a_batch("dedupeKey", job.dedupe_key),
        lambda job: _not_in_a_batch("callbackUrl", job.callback_url),
    )


def _not_in_a_batch(name: str, value: str | None) -> list[Fault]:
    return [] if value is None else [Fault(name, "is not for a job of a batch")]


class BatchIn(In):
    """Up to 1,000 jobs, all accepted or none."""

    jobs: Annotated[list[BatchJobIn], Meta(min_length=1, max_length=1000)]
    callback_url: CallbackUrl | None = None
    tags: Tags = []


class RetryIn(In):
    """`runAt` puts it off. `fromStart` forgets what was done: the receipts of its steps and the state of its
    checkpoints. What it did in the world (mails, calls, payments) it does again, with the same idempotency keys: only a
    provider that still remembers those does nothing twice."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"runAt": "2027-02-08T14:00:00Z"}

    run_at: Instant | None = None
    from_start: bool = False


class JobTokenIn(In):
    """It opens the job for so long."""

    expires_in_seconds: Annotated[int, Meta(ge=60, le=86_400, examples=[3600])] = 3600


class JobTokenOut(Out):
    """`token` is shown this once, and stored nowhere."""

    token: Annotated[str, Meta(examples=["eyJhbGciOiJIUzI1NiJ9.…"])]
    expires_at: datetime
    job_id: UUID


class JobKindPatch(In):
    """Jobs of a paused kind are accepted and wait."""

    paused: bool


class JobOut(Out):
    id: UUID
    kind: str
    status: JobStatus
    queue: str
    priority: int
    owner: str
    payload: msgspec.Raw
    run_at: datetime
    start_by: datetime | None
    attempt: int
    max_attempts: int
    uncounted_attempts: int
    dedupe_key: str | None
    tags: list[str]
    request_id: str | None
    schedule_id: UUID | None
    parent_id: UUID | None
    callback_url: str | None
    progress: Progress | None
    result: msgspec.Raw
    error: msgspec.Raw
    steps: msgspec.Raw
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: JobRecord) -> "JobOut":
        progress = None
        if job.progress_current is not None:
            progress = Progress(job.progress_current, job.progress_total, job.progress_message)
        return JobOut(progress=progress, **{n: getattr(job, n) for n in cls.__struct_fields__ if n != "progress"})


class CancelOut(Out):
    """`prevented`: it never ran (again). `stopped`: it ran, and stopped after `afterStep` (null: before any); what it
    had not committed is undone. `too_late`: it had ended, or ended before it saw the request. `requested`: it runs,
    and has not seen the request yet.
    """

    verdict: CancelVerdict
    after_step: str | None
    job: JobOut

    @classmethod
    def of(cls, job: JobRecord) -> "CancelOut":
        verdict = CancelVerdict.TOO_LATE if job.finished else CancelVerdict.REQUESTED
        if job.cancel_verdict:
            verdict = CancelVerdict(job.cancel_verdict)
        steps = msgspec.json.decode(bytes(job.steps)) or []
        return CancelOut(verdict=verdict, after_step=steps[-1]["name"] if steps else None, job=JobOut.of(job))


class AttemptOut(Out):
    attempt: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error: msgspec.Raw

    @classmethod
    def of(cls, record: AttemptRecord) -> "AttemptOut":
        return AttemptOut(**{name: getattr(record, name) for name in cls.__struct_fields__})


@cache
def _result_example(name: str) -> Any:
    return example_of(kind_named(name).result)


class JobKindOut(Out):
    """`pace` is in seconds, over the last 200 jobs that succeeded. `pausedBy`, for administrators, and `pausedAt` are
    null of a kind that is not paused."""

    name: str
    description: str
    queue: str
    scope: str | None
    max_attempts: int
    time_limit_seconds: float
    retry: RetryPolicy
    limits: Limits
    payload_schema: dict[str, Any]
    result_schema: dict[str, Any]
    example: dict[str, Any]
    result_example: dict[str, Any]
    paused: bool
    paused_by: Annotated[str, Meta(examples=["user:0198c0de-0000-7000-8000-000000000001"])] | None
    paused_at: datetime | None
    pace: Pace

    @classmethod
    def of_kind(cls, kind: JobKind, pace: Pace, pause: Pause | None) -> "JobKindOut":
        return JobKindOut(
            name=kind.name, description=kind.description, queue=kind.queue, scope=kind.scope,
            max_attempts=kind.retry.max_attempts, time_limit_seconds=kind.time_limit_seconds, retry=kind.retry,
            limits=kind.limits,
            payload_schema=msgspec.json.schema(kind.args),
            result_schema=msgspec.json.schema(kind.result), example=kind.example, pace=pace,
            result_example=_result_example(kind.name),
            paused=pause is not None, paused_by=pause.by if pause else None, paused_at=pause.at if pause else None,
        )  # fmt: skip
