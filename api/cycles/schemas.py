"""Cycles and meetings on the wire."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from models.cycles.jobs import CycleIds
from models.cycles.rules import MeetingPattern, Progress
from models.cycles.terms import cycle_faults
from models.cycles.values import ActivityType, CycleStatus, CycleType, OnConflict, PayMode
from models.kernel.errors import Fault
from models.kernel.schema import Currency, In, Money, Name, Priced, Timezone

TotalMeetings = Annotated[int, Meta(ge=1, le=1000, description="as sold; nothing but a caller changes it")]
Students = Annotated[int, Meta(ge=0, le=10_000)]
Places = Annotated[int, Meta(ge=1, le=10_000)]


class CycleIn(In):
    """`pattern` holds weekly slots (weekday 0 is Monday), or an RRULE with one start and length.

    `pricePerStudent` is needed for `institutional_per_child`, `meetingRevenue` for `institutional_fixed`, `dailyRate`
    for the pay mode `daily`. `studentCount` overrides the number of registrations.
    """

    name: Name
    course_id: UUID
    branch_id: UUID
    instructor_id: UUID
    type: CycleType
    start_date: date
    timezone: Timezone
    pattern: MeetingPattern
    total_meetings: TotalMeetings
    activity_type: ActivityType
    currency: Currency
    status: CycleStatus = CycleStatus.ACTIVE
    end_date: date | None = None
    price_per_student: Money | None = None
    meeting_revenue: Money | None = None
    price_includes_vat: bool = False
    student_count: Students | None = None
    max_students: Places | None = None
    pay_mode: PayMode = PayMode.HOURLY
    daily_rate: Money | None = None
    instructor_budget: Money | None = None
    send_parent_reminders: bool = False

    def faults(self) -> list[Fault]:
        return cycle_faults(self)


class CyclePatch(In):
    name: Name | UnsetType = UNSET
    course_id: UUID | UnsetType = UNSET
    branch_id: UUID | UnsetType = UNSET
    instructor_id: UUID | UnsetType = UNSET
    type: CycleType | UnsetType = UNSET
    start_date: date | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET
    pattern: MeetingPattern | UnsetType = UNSET
    total_meetings: TotalMeetings | UnsetType = UNSET
    activity_type: ActivityType | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    status: CycleStatus | UnsetType = UNSET
    end_date: date | UnsetType | None = UNSET
    price_per_student: Money | UnsetType | None = UNSET
    meeting_revenue: Money | UnsetType | None = UNSET
    price_includes_vat: bool | UnsetType = UNSET
    student_count: Students | UnsetType | None = UNSET
    max_students: Places | UnsetType | None = UNSET
    pay_mode: PayMode | UnsetType = UNSET
    daily_rate: Money | UnsetType | None = UNSET
    instructor_budget: Money | UnsetType | None = UNSET
    send_parent_reminders: bool | UnsetType = UNSET


class CycleOut(Priced):
    id: UUID
    name: str
    course_id: UUID
    branch_id: UUID
    instructor_id: UUID
    type: CycleType
    status: CycleStatus
    start_date: date
    end_date: date | None
    timezone: str
    pattern: MeetingPattern
    total_meetings: int
    progress: Progress
    activity_type: ActivityType
    currency: str
    price_per_student: Money | None
    meeting_revenue: Money | None
    price_includes_vat: bool
    student_count: int | None
    max_students: int | None
    pay_mode: PayMode
    daily_rate: Money | None
    instructor_budget: Money | None
    send_parent_reminders: bool
    created_at: datetime
    updated_at: datetime
    version: int


class GenerateIn(In):
    """Where the instructor is taken, the meeting is left out, or comes after the last one, or nothing is created."""

    on_conflict: OnConflict = OnConflict.SKIP


class GenerateManyIn(In):
    cycle_ids: CycleIds
    on_conflict: OnConflict = OnConflict.SKIP


class DuplicateIn(In):
    """Without `newName` the copy has the name of the original."""

    new_start_date: date
    new_name: Name | None = None
    copy_registrations: bool = False
    generate_meetings: bool = False
