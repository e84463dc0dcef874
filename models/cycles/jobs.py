"""The work on cycles that takes its time."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from models.cycles.values import OnConflict
from models.identity.permissions import Scope
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import WHEN_DISTURBED
from models.kernel.schema import Name, Out

_id = "0198c0de-0000-7000-8000-000000000001"
LISTED_AT_MOST = 1000

CycleIds = Annotated[list[UUID], Meta(min_length=1, max_length=10_000)]


class SkippedOut(Out):
    """A date of the pattern on which no meeting was planned; None when none of the cycle was planned at all."""

    cycle_id: UUID
    date: date | None
    reason: str


class ConflictOut(Out):
    """A planned meeting whose instructor was taken by `conflicting_meeting_id`."""

    cycle_id: UUID
    number: int
    starts_at: datetime
    conflicting_meeting_id: UUID | None


class MeetingsGenerated(JobResult):
    """The lists end after 1,000 entries, the totals do not."""

    created: int
    skipped: list[SkippedOut]
    skipped_total: int
    conflicts: list[ConflictOut]
    conflicts_total: int


@kind(
    "cycles.generate_meetings", result=MeetingsGenerated, scope=Scope.WRITE_CYCLES, time_limit_seconds=1800.0,
    retry=WHEN_DISTURBED,
    example={"cycleIds": [_id], "onConflict": "skip"},
)  # fmt: skip
class GenerateMeetings(JobArgs):
    """Create the meetings that cycles still miss, on their patterns, after the last one there is.

    Public holidays and closures move the meetings on. Where the instructor is taken, `onConflict` decides: the
    meeting is left out (`skip`), comes after the last one planned (`move_on`), or nothing at all is created (`fail`).
    """

    cycle_ids: CycleIds
    on_conflict: OnConflict = OnConflict.SKIP


class ProgressSynced(JobResult):
    completed: int
    remaining: int
    meetings_in_table: int


@kind("cycles.sync_progress", result=ProgressSynced, scope=Scope.WRITE_CYCLES, example={"cycleId": _id})
class SyncProgress(JobArgs):
    """Count a cycle's completed meetings again. The number it was sold with stays."""

    cycle_id: UUID


class CycleDuplicated(JobResult):
    """`generation_job_id` follows the generation of the copy's meetings, when it was asked for."""

    cycle_id: UUID
    registrations_copied: int
    generation_job_id: UUID | None


@kind(
    "cycles.duplicate", result=CycleDuplicated, scope=Scope.WRITE_CYCLES,
    example={"cycleId": _id, "newStartDate": "2026-09-01", "newName": "Robotics, autumn", "copyRegistrations": True},
)  # fmt: skip
class DuplicateCycle(JobArgs):
    """Give a cycle again from another date, with the same terms.

    Registrations are copied as `registered` and unpaid, those cancelled or on trial are not.
    """

    cycle_id: UUID
    new_start_date: date
    new_name: Name | None = None
    copy_registrations: bool = False
    generate_meetings: bool = False
