"""The work on money that takes its time."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from models.cycles.values import MeetingStatus
from models.identity.permissions import Scope
from models.jobs.kinds import JobArgs, JobResult, kind
from models.kernel.errors import Fault
from models.kernel.schema import In, Instant, Out, Priced

_id = "0198c0de-0000-7000-8000-000000000001"
LISTED_AT_MOST = 1000

MeetingIds = Annotated[list[UUID], Meta(min_length=1, max_length=10_000)]


class MeetingFilter(In):
    """All that are given must hold; `from` and `to` are about the start."""

    cycle_id: UUID | None = None
    from_: Instant | None = None
    to: Instant | None = None
    status: MeetingStatus | None = None

    def faults(self) -> list[Fault]:
        if any([self.cycle_id, self.from_, self.to, self.status]):
            return []
        return [Fault("cycleId", "or times or a status must be given")]


class RefusedOut(Out):
    meeting_id: UUID
    reason: str


class StatusUpdated(JobResult):
    """`refused` ends after 1,000 entries, the total does not."""

    changed: int
    refused: list[RefusedOut]
    refused_total: int
    cycles_completed: int
    registrations_completed: int


@kind(
    "meetings.bulk_update_status", result=StatusUpdated, scope=Scope.WRITE_MEETINGS, time_limit_seconds=1800.0,
    example={"filter": {"cycleId": _id}, "status": "completed", "onlyPast": True},
)  # fmt: skip
class BulkUpdateStatus(JobArgs):
    """Give many meetings a status, with all that follows: their money, their cycles, their registrations.

    What may not change so is told and left as it is. `onlyPast` leaves out meetings that have not ended yet.
    """

    status: Literal["scheduled", "completed", "cancelled"]
    meeting_ids: MeetingIds | None = None
    filter: MeetingFilter | None = None
    only_past: bool = False

    def faults(self) -> list[Fault]:
        if (self.meeting_ids is None) == (self.filter is None):
            return [Fault("meetingIds", "or `filter` must be given, and not both")]
        return []


class CurrencyTotals(Priced):
    currency: str
    revenue: Decimal
    instructor_payment: Decimal
    profit: Decimal


class Recalculated(JobResult):
    """Totals of all meetings looked at, changed or not."""

    examined: int
    changed: int
    totals: list[CurrencyTotals]


@kind(
    "finance.recalculate", result=Recalculated, scope=Scope.WRITE_FINANCE, time_limit_seconds=3600.0,
    example={"cycleId": _id},
)  # fmt: skip
class Recalculate(JobArgs):
    """Work out again what meetings earn and cost, from the terms and registrations there are now.

    Of one meeting, some, a cycle, local dates (inclusive; also of a cycle), or `all`. However often it runs, the answer
    is the same.
    """

    meeting_id: UUID | None = None
    meeting_ids: MeetingIds | None = None
    cycle_id: UUID | None = None
    from_: date | None = None
    to: date | None = None
    all: bool = False

    def faults(self) -> list[Fault]:
        dates = self.from_ is not None or self.to is not None
        named = [
            self.meeting_id is not None,
            self.meeting_ids is not None,
            self.cycle_id is not None or dates,
            self.all,
        ]
        if named.count(True) != 1:
            return [Fault("all", "or just one of meetingId, meetingIds, and cycleId with from and to must be given")]
        if self.from_ and self.to and self.to < self.from_:
            return [Fault("to", "must not be before `from`")]
        return []
