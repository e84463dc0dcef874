"""Meetings as files."""

from typing import Any

from sqlalchemy import Select, func

from models.courses.tables import Branch, Course
from models.cycles import queries
from models.cycles.services.meetings import MeetingPage
from models.cycles.tables import Cycle, Meeting
from models.exports.registry import Column, ColumnType, Exportable, register
from models.kernel.paging import filters
from models.kernel.reach import Reach
from models.people.tables import Instructor


def meetings(page: MeetingPage, reach: Reach) -> Select[Any]:
    """The oldest first, with the names of what they belong to."""
    return (
        queries.meetings(filters(page), reach)
        .join(Course, Course.id == Cycle.course_id)
        .join(Branch, Branch.id == Cycle.branch_id)
        .join(Instructor, Instructor.id == Meeting.instructor_id)
        .order_by(Meeting.starts_at, Meeting.id)
    )


register(
    Exportable(
        name="meetings",
        title="Meetings",
        scope="read:meetings",
        filters=MeetingPage,
        rows=meetings,
        searched=(Meeting.topic,),
        columns=(
            Column("id", "Id", Meeting.id, width=38),
            Column("localDate", "Date", Meeting.local_date, ColumnType.DATE, width=12),
            Column("startsAt", "Starts (UTC)", Meeting.starts_at, ColumnType.DATETIME, width=20),
            Column("endsAt", "Ends (UTC)", Meeting.ends_at, ColumnType.DATETIME, width=20),
            Column("timezone", "Time zone", Meeting.timezone, width=18),
            Column("cycleId", "Cycle id", Meeting.cycle_id, width=38),
            Column("cycleName", "Cycle", Cycle.name, width=28),
            Column("number", "Number", Meeting.number, ColumnType.INTEGER, width=8),
            Column("courseName", "Course", Course.title, width=24),
            Column("branchName", "Branch", Branch.name, width=24),
            Column("instructorId", "Instructor id", Meeting.instructor_id, width=38),
            Column("instructorName", "Instructor", Instructor.name, width=24),
            Column("status", "Status", Meeting.status, width=12),
            Column("nature", "Nature", Meeting.nature, width=12),
            Column("activityType", "Activity", func.coalesce(Meeting.activity_type, Cycle.activity_type), width=14),
            Column("topic", "Topic", Meeting.topic, width=28),
            Column("room", "Room", Meeting.room, width=14),
            Column("notes", "Notes", Meeting.notes, width=40),
            Column("currency", "Currency", Cycle.currency, width=10),
            Column("revenue", "Revenue", Meeting.revenue, ColumnType.MONEY, currency=Cycle.currency),
            Column(
                "instructorPayment", "Instructor's pay", Meeting.instructor_payment, ColumnType.MONEY,
                currency=Cycle.currency,
            ),
            Column("profit", "Profit", Meeting.profit, ColumnType.MONEY, currency=Cycle.currency),
        ),
    )
)  # fmt: skip
