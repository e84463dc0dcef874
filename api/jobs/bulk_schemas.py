"""What is done to many jobs at once, on the wire."""

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from models.jobs.cancelling import CancelGroup
from models.jobs.jobs import CancelFilter, FailedFilter
from models.jobs.redriving import FailedGroup
from models.jobs.rules import UNFINISHED, JobStatus
from models.kernel.errors import Fault
from models.kernel.schema import Out


class RedriveIn(FailedFilter):
    """Which failed jobs to retry. With `preview`, only tells what that would be, grouped by kind and error.

    The `canary` first ones run before the rest follows at `perSecond`; it stops by itself when of those that have
    ended more than `stopAtFailureShare` failed again. `from` and `to` bound when they failed.
    """

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "webhooks.deliver", "errorCode": "RECEIVER_UNREACHABLE", "canary": 5, "preview": True,
    }  # fmt: skip

    preview: bool = False
    canary: Annotated[int, Meta(ge=0, le=1000)] = 5
    per_second: Annotated[int, Meta(ge=1, le=1000)] = 50
    stop_at_failure_share: Annotated[float, Meta(gt=0, le=1)] = 0.2


class RedrivePreview(Out):
    """Of the `total`, `skipped` would be left as they are. The `groups` are the hundred largest."""

    total: int
    skipped: int
    groups: list[FailedGroup]


class CancelManyIn(CancelFilter):
    """Which jobs to cancel: at least one of all these, or 422. Those that wait (scheduled, queued, between attempts),
    or are in one of the states of `status`; with `running`, those that run are asked to stop as well. `from` and `to`
    bound when they were created. With `preview`, only tells how many that would be, by kind and state."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "exports.create", "from": "2026-02-08T14:00:00Z", "running": False, "preview": True,
    }  # fmt: skip

    preview: bool = False

    def faults(self) -> list[Fault]:
        faults = []
        for at, status in enumerate(self.status or []):
            if status not in UNFINISHED:
                faults.append(Fault(f"status[{at}]", "has ended, and cannot be cancelled"))
            elif status == JobStatus.RUNNING and not self.running:
                faults.append(Fault(f"status[{at}]", "needs `running` as well: jobs that run are asked to stop"))
        return faults


class CancelPreview(Out):
    """`total` would be cancelled or asked to stop; among jobs named by their ids the groups tell of ended ones too."""

    total: int
    groups: list[CancelGroup]
