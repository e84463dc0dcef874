"""Meetings on the wire."""

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from models.cycles.values import ActivityType, MeetingNature, MeetingStatus
from models.finance.jobs import MeetingIds
from models.kernel.clock import utc_now
from models.kernel.errors import Fault
from models.kernel.schema import In, Instant, LongText, Money, Out, Priced, ShortText

AllowOverlap = Annotated[bool, Meta(description="administrators only: the instructor may be in two places here")]
LONGEST_SCHEDULE = timedelta(days=370)


class MeetingIn(In):
    """One more meeting of a cycle; without an instructor it is given by the cycle's."""

    cycle_id: UUID
    starts_at: Instant
    ends_at: Instant
    instructor_id: UUID | None = None
    nature: MeetingNature = MeetingNature.REGULAR
    activity_type: ActivityType | None = None
    topic: ShortText | None = None
    notes: LongText | None = None
    room: ShortText | None = None
    allow_overlap: AllowOverlap = False

    def faults(self) -> list[Fault]:
        return time_faults(self.starts_at, self.ends_at)


class MeetingPatch(In):
    """Another instructor is a substitute, who is paid for the meeting. The status has routes of its own."""

    starts_at: Instant | UnsetType = UNSET
    ends_at: Instant | UnsetType = UNSET
    instructor_id: UUID | UnsetType = UNSET
    nature: MeetingNature | UnsetType = UNSET
    activity_type: ActivityType | UnsetType | None = UNSET
    topic: ShortText | UnsetType | None = UNSET
    notes: LongText | UnsetType | None = UNSET
    room: ShortText | UnsetType | None = UNSET
    allow_overlap: AllowOverlap = False

    def faults(self) -> list[Fault]:
        return time_faults(self.starts_at or None, self.ends_at or None)


class PostponeIn(In):
    """Without an end the new meeting lasts as long as the one it replaces."""

    starts_at: Instant
    ends_at: Instant | None = None
    allow_overlap: AllowOverlap = False

    def faults(self) -> list[Fault]:
        return time_faults(self.starts_at, self.ends_at)


class MeetingOut(Priced):
    """Amounts are 0 unless the meeting is completed, and null for students. `changedAt` tells that a person has changed
    it."""

    id: UUID
    cycle_id: UUID
    number: int
    instructor_id: UUID
    status: MeetingStatus
    starts_at: datetime
    ends_at: datetime
    timezone: str
    local_date: date
    nature: MeetingNature
    activity_type: ActivityType | None
    topic: str | None
    notes: str | None
    room: str | None
    currency: str
    revenue: Money | None
    instructor_payment: Money | None
    profit: Money | None
    overlap_allowed: bool
    rescheduled_to_id: UUID | None
    completed_at: datetime | None
    changed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class PostponedOut(Out):
    meeting: MeetingOut
    replacement: MeetingOut


class BulkDeleteIn(In):
    meeting_ids: MeetingIds


class BulkDeletedOut(Out):
    """`missing` are those of the ids that were not there."""

    deleted: int
    missing: list[UUID]


class BulkRecalculateIn(In):
    meeting_ids: MeetingIds


class ScheduleIn(In):
    """From now on for 31 days, unless it is said otherwise."""

    from_: Instant = msgspec.field(default_factory=utc_now)
    to: Instant | None = None

    @property
    def until(self) -> datetime:
        return self.to or self.from_ + timedelta(days=31)

    def faults(self) -> list[Fault]:
        if timedelta(0) <= self.until - self.from_ <= LONGEST_SCHEDULE:
            return []
        return [Fault("to", f"must be within {LONGEST_SCHEDULE.days} days after `from`")]


class ScheduledMeetingOut(Out):
    id: UUID
    number: int
    starts_at: datetime
    ends_at: datetime
    timezone: str
    local_date: date
    status: MeetingStatus
    activity_type: ActivityType
    topic: str | None
    room: str | None
    cycle_id: UUID
    cycle_name: str
    course_id: UUID
    course_name: str
    branch_id: UUID
    branch_name: str


def time_faults(starts_at: datetime | None, ends_at: datetime | None) -> list[Fault]:
    backwards = starts_at is not None and ends_at is not None and ends_at <= starts_at
    return [Fault("endsAt", "must be after the start")] if backwards else []
