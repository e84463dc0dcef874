"""Courses given over time, and their meetings."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.cycles.rules import Progress, progress
from models.cycles.values import ActivityType, CycleStatus, CycleType, MeetingNature, MeetingStatus, PayMode
from models.kernel.base import Resource, one_of
from models.kernel.personal import Personal, words

ATTENDED = "SELECT cycle_id FROM registrations WHERE student_id = ANY (:students)"


class Cycle(Resource):
    """`pattern` is a MeetingPattern; amounts are in `currency`; dates are local to `timezone`."""

    __tablename__ = "cycles"
    personal = Personal(
        by="instructor_id = ANY (:instructors) OR id IN (" + ATTENDED + ")",
        mentions=words("name"),
        plain=words("type status start_date end_date timezone pattern activity_type currency pay_mode"),
        shown=dict.fromkeys(("meeting_revenue", "daily_rate", "instructor_budget", "student_count"), "NULL"),
    )

    name: Mapped[str] = mapped_column(index=True)
    course_id: Mapped[UUID] = mapped_column(ForeignKey("courses.id"), index=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"), index=True)
    instructor_id: Mapped[UUID] = mapped_column(ForeignKey("instructors.id"), index=True)
    type: Mapped[str]
    status: Mapped[str] = mapped_column(default=CycleStatus.ACTIVE, server_default="active")
    start_date: Mapped[date]
    end_date: Mapped[date | None]
    timezone: Mapped[str]
    pattern: Mapped[dict[str, Any]]
    total_meetings: Mapped[int]
    completed_meetings: Mapped[int] = mapped_column(default=0, server_default="0")
    activity_type: Mapped[str]
    currency: Mapped[str]
    price_per_student: Mapped[Decimal | None]
    meeting_revenue: Mapped[Decimal | None]
    price_includes_vat: Mapped[bool] = mapped_column(server_default="false")
    student_count: Mapped[int | None]
    max_students: Mapped[int | None]
    pay_mode: Mapped[str] = mapped_column(default=PayMode.HOURLY, server_default="hourly")
    daily_rate: Mapped[Decimal | None]
    instructor_budget: Mapped[Decimal | None]
    send_parent_reminders: Mapped[bool] = mapped_column(server_default="false")

    @property
    def progress(self) -> Progress:
        """Nothing remains of a completed cycle, whatever its meetings say."""
        so_far = progress(self.completed_meetings, self.total_meetings)
        finished = self.status == CycleStatus.COMPLETED
        return msgspec.structs.replace(so_far, remaining=0) if finished else so_far

    __table_args__ = (
        one_of("type", CycleType),
        one_of("status", CycleStatus),
        one_of("activity_type", ActivityType),
        one_of("pay_mode", PayMode),
        CheckConstraint("total_meetings > 0", name="total_meetings"),
        CheckConstraint("end_date >= start_date", name="dates"),
        CheckConstraint("max_students > 0 AND student_count >= 0", name="students"),
        CheckConstraint(
            "price_per_student >= 0 AND meeting_revenue >= 0 AND daily_rate >= 0 AND instructor_budget >= 0",
            name="amounts",
        ),
    )


class Meeting(Resource):
    """An occurrence. An instructor is never in two live ones at once, unless an admin allowed the overlap.

    `local_date` is the start's date in `timezone`. Money is in the cycle's currency and 0 unless completed.
    `changed_at` is set once a person has changed the meeting; generating never touches it again.
    """

    __tablename__ = "meetings"
    personal = Personal(
        by="instructor_id = ANY (:instructors) OR cycle_id IN (" + ATTENDED + ")",
        mentions=words("topic notes room"),
        plain=words("timezone local_date status nature activity_type"),
        shown={
            name: f"CASE WHEN instructor_id = ANY (:instructors) THEN {name} END"
            for name in ("notes", "revenue", "instructor_payment", "profit")
        },
    )

    cycle_id: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    instructor_id: Mapped[UUID] = mapped_column(ForeignKey("instructors.id"), index=True)
    instructor_number: Mapped[int] = mapped_column(BigInteger)
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    timezone: Mapped[str]
    local_date: Mapped[date]
    status: Mapped[str] = mapped_column(default=MeetingStatus.SCHEDULED, server_default="scheduled")
    nature: Mapped[str] = mapped_column(default=MeetingNature.REGULAR, server_default="regular")
    activity_type: Mapped[str | None]
    topic: Mapped[str | None]
    notes: Mapped[str | None]
    room: Mapped[str | None]
    revenue: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0")
    instructor_payment: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0")
    profit: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0")
    loss_reported_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]
    overlap_allowed: Mapped[bool] = mapped_column(default=False, server_default="false")
    rescheduled_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("meetings.id", ondelete="SET NULL"))

    cycle: Mapped[Cycle] = relationship(lazy="raise_on_sql")

    @property
    def currency(self) -> str:
        """That of the cycle, which has to be loaded with the meeting."""
        return self.cycle.currency

    __table_args__ = (
        one_of("status", MeetingStatus),
        one_of("nature", MeetingNature),
        one_of("activity_type", ActivityType),
        CheckConstraint("ends_at > starts_at", name="times"),
        Index(
            "uq_meetings_cycle_number", "cycle_id", "number", unique=True,
            postgresql_where=text("deleted_at IS NULL AND status <> 'postponed'"),
        ),
        Index("ix_meetings_cycle_id_starts_at", "cycle_id", "starts_at"),
        Index(
            "ix_meetings_rescheduled_to_id", "rescheduled_to_id",
            postgresql_where=text("rescheduled_to_id IS NOT NULL"),
        ),
        ExcludeConstraint(
            (func.int8range(text("instructor_number"), text("instructor_number"), text("'[]'")), "&&"),
            (func.tstzrange(text("starts_at"), text("ends_at")), "&&"),
            name="ex_meetings_instructor_twice", using="gist",
            where=text("status IN ('scheduled', 'completed') AND deleted_at IS NULL AND NOT overlap_allowed"),
        ),
    )  # fmt: skip
