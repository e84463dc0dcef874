"""Kinds that are about jobs themselves."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from models.jobs.admission import Limits
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import Queue
from models.kernel.schema import In


class BatchEnded(JobResult):
    """How the batch's jobs ended."""

    succeeded: int
    failed: int
    cancelled: int


@kind("jobs.batch", result=BatchEnded, performed=False, example={"jobs": 3})
class RunBatch(JobArgs):
    """Stands for the jobs of a batch: counts them, and ends after the last of them."""

    jobs: int


Ids = Annotated[list[UUID], Meta(min_length=1, max_length=1000)]
KindName = Annotated[str, Meta(max_length=100)]
OwnerName = Annotated[
    str, Meta(max_length=100, description="such as `user:0198…`; another's only for those who see all")
]


class RedriveFilter(In):
    """Failed jobs by kind, code of their error, and time of their end (inclusive), or those of the `ids`. Kinds in
    `except_kinds` are left as they are."""

    kind: KindName | None = None
    error_code: Annotated[str, Meta(max_length=100)] | None = None
    from_: datetime | None = None
    to: datetime | None = None
    owner: OwnerName | None = None
    ids: Ids | None = None
    except_kinds: list[str] = []


class StopReason(StrEnum):
    FAILURES = "failures"
    KIND_PAUSED = "kind_paused"


class Redriven(JobResult):
    """`skipped` were left out: their kind is paused, gone or not the caller's to ask for, or another job has their
    dedupe key. `stopped` when failures passed the share, or the first few cannot end because their kind was paused;
    what was not retried then stays failed."""

    matched: int
    retried: int
    skipped: int
    succeeded: int
    failed_again: int
    stopped: bool
    reason: StopReason | None


# One at a time: two that wait for their first jobs to end could hold all workers that would do those jobs.
@kind(
    "jobs.redrive", result=Redriven, queue=Queue.BULK, time_limit_seconds=6 * 3600, limits=Limits(in_all=1),
    example={"filter": {"kind": "webhooks.deliver", "errorCode": "RECEIVER_UNREACHABLE"}, "canary": 5},
)  # fmt: skip
class Redrive(JobArgs):
    """Retry failed jobs: a few first, the rest at a rate once those went well, stopping when too many fail again."""

    filter: RedriveFilter
    canary: Annotated[int, Meta(ge=0, le=1000)] = 5
    per_second: Annotated[int, Meta(ge=1, le=1000)] = 50
    stop_at_failure_share: Annotated[float, Meta(gt=0, le=1)] = 0.2
