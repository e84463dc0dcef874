"""Two instructors and two students who have nothing to do with each other, with logins and things of their own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.exports.jobs import CreateExport
from models.exports.service import request_export
from models.identity.permissions import Role
from models.identity.services.sessions import open_session
from models.identity.tables import User
from models.identity.values import Client
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.session import Database
from models.kernel.settings import get_settings
from tests.support.factories import (
    make_course,
    make_cycle,
    make_instructor,
    make_meeting,
    make_registration,
    make_student,
)

Headers = dict[str, str]
DONE: Mapping[str, Any] = {
    "status": "completed", "revenue": Decimal(380), "instructor_payment": Decimal(180), "profit": Decimal(200),
}  # fmt: skip


class Side(msgspec.Struct):
    """An instructor, the cycle they give, and the student in it, with their logins; ids are named as paths name them.

    The meeting is today, `tomorrow_id` is one of tomorrow, `done_id` one of a week ago that was completed. Job and
    export are the instructor's; `job_of_student_id` is those of the student.
    """

    instructor: Headers
    student: Headers
    ids: dict[str, UUID]


class Sides(msgspec.Struct):
    mine: Side
    theirs: Side


async def make_sides(database: Database) -> Sides:
    async with database.transaction() as session:
        return Sides(await _make_side(session, "dana"), await _make_side(session, "yael"))


async def make_login(session: AsyncSession, role: Role, name: str) -> tuple[UUID, Headers]:
    """A new user, and the header of their access token."""
    user = User(email=f"{name}.{role}@example.com", name=name.title(), role=role)
    session.add(user)
    await session.flush()
    opened = await open_session(session, get_settings(), user.id, None, Client("127.0.0.1", "127.0.0.1"))
    return user.id, {"Authorization": f"Bearer {opened.access_token}"}


async def _make_side(session: AsyncSession, name: str) -> Side:
    teacher_id, teaching = await make_login(session, Role.INSTRUCTOR, name)
    learner_id, learning = await make_login(session, Role.STUDENT, name)
    instructor = await make_instructor(session, user_id=teacher_id, name=f"Instructor {name}")
    student = await make_student(session, user_id=learner_id, name=f"Student of {name}", notes="Shy.")
    course = await make_course(session, instructor_id=instructor.id, title=f"Course of {name}", status="draft")
    cycle = await make_cycle(
        session, course_id=course.id, instructor_id=instructor.id, name=f"Cycle of {name}", daily_rate=Decimal(500)
    )
    noon = noon_today()
    done = await make_meeting(session, cycle, number=1, starts_at=noon - timedelta(days=7), topic=name, **DONE)
    meeting = await make_meeting(session, cycle, number=2, starts_at=noon, topic=name, notes="Bring cables.")
    later = await make_meeting(session, cycle, number=3, starts_at=noon + timedelta(days=1), topic=name)
    registration = await make_registration(session, cycle, student_id=student.id, notes="Pays late.")
    file_id = await _ask_for_file(session, teacher_id)
    ids = {
        "user_id": teacher_id,
        "instructor_id": instructor.id,
        "student_id": student.id,
        "customer_id": student.customer_id,
        "course_id": course.id,
        "branch_id": cycle.branch_id,
        "cycle_id": cycle.id,
        "meeting_id": meeting.id,
        "tomorrow_id": later.id,
        "done_id": done.id,
        "registration_id": registration.id,
        "job_id": file_id,
        "export_id": file_id,
        "job_of_student_id": await _ask_for_file(session, learner_id),
    }
    return Side(teaching, learning, ids)


async def _ask_for_file(session: AsyncSession, user_id: UUID) -> UUID:
    order = CreateExport(resource="meetings", format="csv")
    return (await request_export(session, Actor("user", user_id), order)).id


def noon_today() -> datetime:
    """Where the cycles are given."""
    return utc_now().astimezone(ZoneInfo("Asia/Jerusalem")).replace(hour=12, minute=0, second=0, microsecond=0)
