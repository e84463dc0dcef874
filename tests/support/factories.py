"""Rows for tests that are not about making them: sensible by default, any column by keyword.

What a row refers to is made with it, unless it is given. Rows are flushed, not committed: another connection
(the API's) sees them after `async with database.transaction() as session`.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from models.courses.tables import Branch, Closure, Course
from models.cycles.tables import Cycle, Meeting
from models.kernel.base import Resource
from models.people.tables import Customer, Instructor, Student
from models.registrations.tables import Registration

R = TypeVar("R", bound=Resource)
TUESDAYS_AND_THURSDAYS = {
    "slots": [
        {"weekday": 1, "start": "16:00", "end": "17:30"},
        {"weekday": 3, "start": "16:00", "end": "17:30"},
    ]
}


async def make_customer(session: AsyncSession, **overrides: Any) -> Customer:
    return await _add(session, Customer(**{"name": "Noa Levi", "city": "Haifa", **overrides}))


async def make_student(session: AsyncSession, **overrides: Any) -> Student:
    if "customer_id" not in overrides:
        overrides["customer_id"] = (await make_customer(session)).id
    return await _add(session, Student(**{"name": "Omer Levi", **overrides}))


async def make_instructor(session: AsyncSession, **overrides: Any) -> Instructor:
    values = {
        "name": "Dana Katz",
        "employment_type": "freelancer",
        "currency": "ILS",
        "rate_frontal": Decimal("120"),
    }
    return await _add(session, Instructor(**{**values, **overrides}))


async def make_course(session: AsyncSession, **overrides: Any) -> Course:
    return await _add(session, Course(**{"title": "Robotics", "status": "published", **overrides}))


async def make_branch(session: AsyncSession, **overrides: Any) -> Branch:
    values = {
        "name": "Haifa",
        "type": "community_center",
        "country": "IL",
        "timezone": "Asia/Jerusalem",
        "city": "Haifa",
    }
    return await _add(session, Branch(**{**values, **overrides}))


async def make_closure(session: AsyncSession, **overrides: Any) -> Closure:
    values = {"name": "Summer", "start_date": date(2026, 7, 1), "end_date": date(2026, 8, 31)}
    return await _add(session, Closure(**{**values, **overrides}))


async def make_cycle(session: AsyncSession, **overrides: Any) -> Cycle:
    """An active private cycle in Haifa: twelve meetings of 90 minutes on Tuesdays and Thursdays at 16:00."""
    makers = {"course_id": make_course, "branch_id": make_branch, "instructor_id": make_instructor}
    references = {name: (await make(session)).id for name, make in makers.items() if name not in overrides}
    values = {
        "name": "Robotics in spring",
        "type": "private",
        "start_date": date(2026, 2, 3),
        "timezone": "Asia/Jerusalem",
        "pattern": TUESDAYS_AND_THURSDAYS,
        "total_meetings": 12,
        "activity_type": "frontal",
        "currency": "ILS",
        "price_per_student": Decimal("1200"),
    }
    return await _add(session, Cycle(**{**references, **values, **overrides}))


async def make_meeting(session: AsyncSession, cycle: Cycle, **overrides: Any) -> Meeting:
    """A scheduled meeting of 90 minutes with the cycle's instructor, number n n-1 weeks after the first.

    `starts_at` moves the other times with it.
    """
    number = overrides.setdefault("number", 1)
    first = datetime(2026, 2, 3, 14, 0, tzinfo=UTC)
    starts_at = overrides.setdefault("starts_at", first + timedelta(weeks=number - 1))
    instructor_id = overrides.setdefault("instructor_id", cycle.instructor_id)
    instructor = await session.get_one(Instructor, instructor_id)
    values = {
        "cycle_id": cycle.id,
        "instructor_number": instructor.number,
        "ends_at": starts_at + timedelta(minutes=90),
        "timezone": cycle.timezone,
        "local_date": starts_at.astimezone(ZoneInfo(cycle.timezone)).date(),
    }
    return await _add(session, Meeting(**{**values, **overrides}))


async def make_registration(session: AsyncSession, cycle: Cycle, **overrides: Any) -> Registration:
    if "student_id" not in overrides:
        overrides["student_id"] = (await make_student(session)).id
    values = {
        "cycle_id": cycle.id,
        "status": "registered",
        "amount": cycle.price_per_student or Decimal(0),
    }
    return await _add(session, Registration(**{**values, **overrides}))


async def _add(session: AsyncSession, row: R) -> R:
    session.add(row)
    await session.flush()
    return row
