"""Kinds that are about jobs themselves."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.limits import Limits
from models.jobs.rules import WAITING, JobStatus, Queue
from models.kernel.errors import Unprocessable
from models.kernel.schema import In, Instant


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


class JobFilter(In):
    """Jobs by kind, time (`from` and `to`, both inclusive) and owner, or those of the `ids`."""

    kind: KindName | None = None
    from_: Instant | None = None
    to: Instant | None = None
    owner: OwnerName | None = None
    ids: Ids | None = None


class FailedFilter(JobFilter):
    """Failed jobs, also by the code of their error; the time is that of their end."""

    error_code: Annotated[str, Meta(max_length=100)] | None = None


class RedriveFilter(FailedFilter):
    """Failed jobs by the time of their end; those of the kinds in `exceptKinds` are left as they are."""

    except_kinds: list[str] = []


class StopReason(StrEnum):
    FAILURES = "failures"
    KIND_PAUSED = "kind_paused"


class Redriven(JobResult):
    """`skipped` were left out: their kind is paused, gone or not the caller's to ask for, another job has their dedupe
    key, or they had not started by their `startBy`. `failedAgain` broke again, also when their kind may still try them.
    `stopped` when failures passed the share, or the first few cannot end because their kind was paused; what was not
    retried then stays failed."""

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


class CancelFilter(JobFilter):
    """Unfinished jobs, also by state, batch, schedule and tag: the waiting ones, unless `status` says which; with
    `running`, those that run as well. The time is that of their creation.
    """

    status: Annotated[list[JobStatus], Meta(min_length=1)] | None = None
    parent_id: UUID | None = None
    schedule_id: UUID | None = None
    tag: Annotated[str, Meta(max_length=100)] | None = None
    running: bool = False

    @property
    def statuses(self) -> set[JobStatus]:
        return {*(WAITING if self.status is None else self.status), *([JobStatus.RUNNING] if self.running else [])}

    def check_narrow(self) -> None:
        """Raises Unprocessable where nothing says which jobs are meant: that would be all."""
        if not any(getattr(self, name) for name in self.__struct_fields__ if name != "running"):
            raise Unprocessable("Say which jobs: at least one of kind, status, from, to, owner, ids, parentId, "
                                "scheduleId and tag.")  # fmt: skip


class ManyCancelled(JobResult):
    """`prevented` had not run, `stopping` were asked to stop. `alreadyEnded` of the `matched` had ended, or begun to
    run where only waiting ones were meant, when their turn came."""

    matched: int
    prevented: int
    stopping: int
    already_ended: int


@kind(
    "jobs.cancel", result=ManyCancelled, time_limit_seconds=3600,
    example={"filter": {"kind": "exports.create", "from": "2026-02-08T14:00:00Z"}},
)  # fmt: skip
class CancelJobs(JobArgs):
    """Cancel many jobs that were there before it. It comes before what it is to cancel."""

    filter: CancelFilter
