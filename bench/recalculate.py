"""The money of 200,000 completed meetings with ten registrations each, worked out again.

The peer does it row by row with the ORM and the same rules in Python (on a sample, for it would take minutes); the
limit is one UPDATE that writes as much into the same rows and works out nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bench.harness import Contenders, Figure, Stage
from bench.school import REGISTRATIONS, found_school, hold_meetings
from models.cycles.tables import Cycle, Meeting
from models.cycles.values import ActivityType, CycleType, MeetingNature, MeetingStatus, PayMode
from models.finance.jobs import Recalculate
from models.finance.rules import MeetingFacts, meeting_money
from models.finance.services.pricing import recalculate
from models.kernel.actor import SYSTEM
from models.people.tables import Instructor
from models.registrations.tables import Registration

MEETINGS = 200_000
SAMPLE = 500
REGISTRATIONS_PER_CYCLE = 10
BARE_UPDATE = """
UPDATE meetings SET revenue = 120, instructor_payment = 90, profit = 30, version = version + 1,
                    updated_at = clock_timestamp()
"""


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    found_school(stage, MEETINGS)
    stage.sql(REGISTRATIONS, REGISTRATIONS_PER_CYCLE)
    stage.sql("ANALYZE registrations")
    yield Contenders(lambda: _ours(stage), lambda: _peer(stage), lambda: _limit(stage))


def _ours(stage: Stage) -> float:
    async def run() -> float:
        started = time.perf_counter()
        async with stage.database.transaction() as session:
            done = await recalculate(session, SYSTEM, Recalculate(all=True), lambda *_: None)
        assert done.changed == MEETINGS
        return done.examined / (time.perf_counter() - started)

    hold_meetings(stage)
    return stage.run(run())


def _peer(stage: Stage) -> float:
    async def run() -> float:
        started = time.perf_counter()
        async with stage.database.transaction() as session:
            for meeting in await session.scalars(select(Meeting).limit(SAMPLE)):
                await _price(session, meeting)
        return SAMPLE / (time.perf_counter() - started)

    hold_meetings(stage)
    return stage.run(run())


async def _price(session: AsyncSession, meeting: Meeting) -> None:
    cycle = await session.get_one(Cycle, meeting.cycle_id)
    instructor = await session.get_one(Instructor, meeting.instructor_id)
    registered = select(Registration.amount).where(
        Registration.cycle_id == cycle.id,
        Registration.status.in_(("registered", "active", "completed")),
        Registration.deleted_at.is_(None),
    )
    money = meeting_money(_facts(meeting, cycle, instructor, tuple(await session.scalars(registered))))
    meeting.revenue, meeting.profit = money.revenue, money.profit
    meeting.instructor_payment = money.instructor_payment
    await session.flush()


def _facts(meeting: Meeting, cycle: Cycle, instructor: Instructor, amounts: tuple[Decimal, ...]) -> MeetingFacts:
    return MeetingFacts(
        status=MeetingStatus(meeting.status), nature=MeetingNature(meeting.nature), number=meeting.number,
        total_meetings=cycle.total_meetings, starts_at=meeting.starts_at, ends_at=meeting.ends_at,
        currency=cycle.currency, cycle_type=CycleType(cycle.type), registration_amounts=amounts,
        price_includes_vat=cycle.price_includes_vat, vat_rate=Decimal("0.18"),
        price_per_student=cycle.price_per_student, student_count=cycle.student_count,
        revenue_registrations=len(amounts), meeting_revenue=cycle.meeting_revenue, meeting_activity=None,
        cycle_activity=ActivityType(cycle.activity_type), rate_frontal=instructor.rate_frontal,
        rate_online=instructor.rate_online, rate_private=instructor.rate_private,
        instructor_budget=cycle.instructor_budget, pay_mode=PayMode(cycle.pay_mode), daily_rate=cycle.daily_rate,
        is_first_completed_of_day=True,
    )  # fmt: skip


def _limit(stage: Stage) -> float:
    hold_meetings(stage)
    started = time.perf_counter()
    stage.sql(BARE_UPDATE)
    return MEETINGS / (time.perf_counter() - started)


FIGURE = Figure("recalculate", "meetings/s", "ORM row by row", "one bare UPDATE", contenders)
