"""The money that SQL works out set-based is that of the rules, to the digit."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles.tables import Cycle, Meeting
from models.cycles.values import ActivityType, CycleType, MeetingNature, MeetingStatus, PayMode
from models.finance.rules import MeetingFacts, meeting_money
from models.finance.services.pricing import Scope, price
from models.kernel.actor import SYSTEM
from models.kernel.money import exponent
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.people.tables import Instructor
from models.registrations.tables import Registration
from tests.support.factories import (
    make_branch,
    make_course,
    make_cycle,
    make_instructor,
    make_meeting,
    make_registration,
    make_student,
)

CURRENCIES = ["ILS", "MXN", "NGN", "JPY", "KWD", "CLF"]
COUNTRIES = ["IL", "MX", "NG", "XX"]
FIRST = datetime(2026, 2, 2, 6, 0, tzinfo=UTC)
REVENUE = ("registered", "active", "completed")


class World:
    """Cycles of every kind, with meetings and registrations, drawn from one seed."""

    def __init__(self, session: AsyncSession, seed: int) -> None:
        self.session = session
        self.draw = random.Random(seed)
        self.facts: list[tuple[Meeting, Cycle, Instructor, str]] = []
        self.registrations: dict[UUID, list[Registration]] = defaultdict(list)
        self._nth = 0

    def amount(self, currency: str, most: int = 10**6) -> Decimal:
        units = self.draw.choice([0, 1, self.draw.randrange(most), self.draw.randrange(100)])
        return Decimal(units).scaleb(-exponent(currency))

    def maybe(self, value: Any) -> Any:
        return value if self.draw.random() < 0.5 else None

    async def build(self, cycles: int) -> None:
        course = await make_course(self.session)
        branches = [await make_branch(self.session, country=country) for country in COUNTRIES]
        students = [await make_student(self.session) for _ in range(4)]
        for _ in range(cycles):
            branch, currency = self.draw.choice(branches), self.draw.choice(CURRENCIES)
            cycle = await self._cycle(course.id, branch.id, currency)
            instructors = [await self._instructor(currency) for _ in range(2)]
            await self._register(cycle, students)
            for number in range(1, self.draw.randrange(2, 10)):
                instructor = self.draw.choice(instructors)
                meeting = await self._meeting(cycle, instructor, number)
                self.facts.append((meeting, cycle, instructor, branch.country))

    async def _instructor(self, currency: str) -> Instructor:
        return await make_instructor(
            self.session, currency=currency, rate_frontal=self.amount(currency),
            rate_online=self.maybe(self.amount(currency)), rate_private=self.maybe(self.amount(currency)),
        )  # fmt: skip

    async def _cycle(self, course_id: UUID, branch_id: UUID, currency: str) -> Cycle:
        instructor = await self._instructor(currency)
        return await make_cycle(
            self.session, course_id=course_id, branch_id=branch_id, instructor_id=instructor.id, currency=currency,
            type=self.draw.choice(list(CycleType)), total_meetings=self.draw.choice([1, 2, 3, 7, 9, 30]),
            activity_type=self.draw.choice(list(ActivityType)), price_per_student=self.maybe(self.amount(currency)),
            meeting_revenue=self.maybe(self.amount(currency)), price_includes_vat=self.draw.random() < 0.5,
            student_count=self.draw.choice([None, 0, 1, 17]), pay_mode=self.draw.choice(list(PayMode)),
            daily_rate=self.maybe(self.amount(currency)),
            instructor_budget=self.amount(currency) if self.draw.random() < 0.3 else None,
        )  # fmt: skip

    async def _register(self, cycle: Cycle, students: Sequence[Any]) -> None:
        for student in self.draw.sample(students, self.draw.randrange(5)):
            status = self.draw.choice([*REVENUE, "trial", "cancelled"])
            registered_at = FIRST + timedelta(days=self.draw.randrange(-5, 10))
            cancelled_at = registered_at + timedelta(days=self.draw.randrange(9)) if status == "cancelled" else None
            registration = await make_registration(
                self.session, cycle, student_id=student.id, status=status, amount=self.amount(cycle.currency),
                registered_at=registered_at, cancelled_at=cancelled_at,
            )  # fmt: skip
            self.registrations[cycle.id].append(registration)

    async def _meeting(self, cycle: Cycle, instructor: Instructor, number: int) -> Meeting:
        """Days repeat, so that a daily rate has something to be paid once for."""
        self._nth += 1
        starts_at = FIRST + timedelta(days=number // 3, hours=4 * (number % 3), microseconds=self._nth)
        length = timedelta(
            minutes=self.draw.choice([1, 45, 50, 90, 200]), microseconds=self.draw.choice([0, 0, 333_333])
        )
        status = self.draw.choice([MeetingStatus.COMPLETED] * 5 + list(MeetingStatus))
        completed_at = FIRST + timedelta(days=self.draw.randrange(3)) if status == MeetingStatus.COMPLETED else None
        return await make_meeting(
            self.session, cycle, number=number, instructor_id=instructor.id, starts_at=starts_at,
            ends_at=starts_at + length, status=status, completed_at=completed_at, revenue=Decimal("7.77"),
            nature=self.draw.choice([MeetingNature.REGULAR] * 3 + list(MeetingNature)),
            activity_type=self.maybe(self.draw.choice(list(ActivityType))),
        )  # fmt: skip

    def first_of_their_days(self) -> set[UUID]:
        days: dict[Any, list[Meeting]] = defaultdict(list)
        for meeting, *_ in self.facts:
            if meeting.status == MeetingStatus.COMPLETED:
                days[meeting.cycle_id, meeting.local_date].append(meeting)
        return {min(day, key=lambda each: (each.completed_at, each.starts_at)).id for day in days.values()}


def facts_of(
    meeting: Meeting, cycle: Cycle, instructor: Instructor, registrations: list[Registration], vat: Decimal, first: bool
) -> MeetingFacts:
    there = [
        each for each in registrations
        if each.status != "trial" and each.registered_at <= meeting.ends_at
        and (each.cancelled_at is None or each.cancelled_at > meeting.starts_at)
    ]  # fmt: skip
    return MeetingFacts(
        status=MeetingStatus(meeting.status),
        nature=MeetingNature(meeting.nature),
        number=meeting.number,
        total_meetings=cycle.total_meetings,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        currency=cycle.currency,
        cycle_type=CycleType(cycle.type),
        registration_amounts=tuple(each.amount for each in registrations if each.status in REVENUE),
        price_includes_vat=cycle.price_includes_vat,
        vat_rate=vat,
        price_per_student=cycle.price_per_student,
        student_count=cycle.student_count,
        revenue_registrations=len(there),
        meeting_revenue=cycle.meeting_revenue,
        meeting_activity=ActivityType(meeting.activity_type) if meeting.activity_type else None,
        cycle_activity=ActivityType(cycle.activity_type),
        rate_frontal=instructor.rate_frontal,
        rate_online=instructor.rate_online,
        rate_private=instructor.rate_private,
        instructor_budget=cycle.instructor_budget,
        pay_mode=PayMode(cycle.pay_mode),
        daily_rate=cycle.daily_rate,
        is_first_completed_of_day=first,
    )


@pytest.mark.parametrize("seed", range(3))
async def test_sql_agrees_with_the_rules(database: Database, settings: Settings, clean: None, seed: int) -> None:
    async with database.transaction() as session:
        world = World(session, seed)
        await world.build(cycles=60)
        await price(session, SYSTEM, Scope([cycle.id for _, cycle, *_ in world.facts]))
    stored = {row["id"]: row for row in await database.fetch("SELECT * FROM meetings")}
    first, wrong = world.first_of_their_days(), []
    for meeting, cycle, instructor, country in world.facts:
        vat = settings.vat_rates.get(country, Decimal(0))
        facts = facts_of(meeting, cycle, instructor, world.registrations[cycle.id], vat, meeting.id in first)
        rules, row = meeting_money(facts), stored[meeting.id]
        sql = (row["revenue"], row["instructor_payment"], row["profit"])
        if sql != (rules.revenue, rules.instructor_payment, rules.profit):
            wrong.append((facts, rules, sql))
    assert not wrong, f"{len(wrong)} of {len(world.facts)}, such as {wrong[0]}"
    assert len(world.facts) > 200
    assert sum(row["profit"] != 0 for row in stored.values()) > 100


async def test_amounts_are_stored_with_the_digits_of_their_currency(database: Database, clean: None) -> None:
    async with database.transaction() as session:
        terms = {"type": "institutional_fixed", "meeting_revenue": Decimal(500), "currency": "JPY"}
        instructor = await make_instructor(session, currency="JPY", rate_frontal=Decimal(100))
        cycle = await make_cycle(session, instructor_id=instructor.id, **terms)
        await make_meeting(session, cycle, status="completed", ends_at=FIRST + timedelta(minutes=50), starts_at=FIRST)
        await price(session, SYSTEM, Scope([cycle.id]))
    row = (await database.fetch("SELECT revenue::text, instructor_payment::text, profit::text FROM meetings"))[0]
    assert (row["revenue"], row["instructor_payment"], row["profit"]) == ("500", "83", "417")
