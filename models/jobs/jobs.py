"""Kinds that are about jobs themselves."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

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


class RedriveFilter(In):
    """Failed jobs by kind, code of their error, and time of their end (inclusive)."""

    kind: Annotated[str, Meta(max_length=100)] | None = None
    error_code: Annotated[str, Meta(max_length=100)] | None = None
    from_: datetime | None = None
    to: datetime | None = None
    owner: Annotated[str, Meta(max_length=100)] | None = None


class Redriven(JobResult):
    """`stopped` when failures passed the share; what was not retried then stays failed."""

    matched: int
    retried: int
    succeeded: int
    failed_again: int
    stopped: bool


@kind(
    "jobs.redrive", result=Redriven, queue=Queue.BULK, time_limit_seconds=6 * 3600,
    example={"filter": {"kind": "webhooks.deliver", "errorCode": "RECEIVER_UNREACHABLE"}, "canary": 5},
)  # fmt: skip
class Redrive(JobArgs):
    """Retry failed jobs: a few first, the rest at a rate once those went well, stopping when too many fail again."""

    filter: RedriveFilter
    canary: Annotated[int, Meta(ge=0, le=1000)] = 5
    per_second: Annotated[int, Meta(ge=1, le=1000)] = 50
    stop_at_failure_share: Annotated[float, Meta(gt=0, le=1)] = 0.2
