"""What a meeting earns and what its instructor is paid, frozen when it completes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from models.cycles.values import ActivityType, CycleType, MeetingNature, MeetingStatus, PayMode
from models.kernel.money import check_precision, net_of_vat, quantize, split_evenly

_MICROSECONDS_PER_HOUR = Decimal(timedelta(hours=1) // timedelta(microseconds=1))


class MeetingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the money of one meeting depends on; amounts in the major unit of `currency`."""

    status: MeetingStatus
    nature: MeetingNature
    number: int  # place in the cycle, from 1; the one numbered total_meetings carries the remainders
    total_meetings: int
    starts_at: datetime  # aware, the meeting's own times
    ends_at: datetime
    currency: str

    cycle_type: CycleType
    registration_amounts: tuple[Decimal, ...]  # private: of the registrations that bring revenue
    price_includes_vat: bool
    vat_rate: Decimal  # a fraction: 0.18
    price_per_student: Decimal | None  # per child
    student_count: int | None  # per child: agreed number; None or 0 counts the registrations
    revenue_registrations: int  # per child: those that bring revenue on the meeting's date
    meeting_revenue: Decimal | None  # fixed

    meeting_activity: ActivityType | None
    cycle_activity: ActivityType
    rate_frontal: Decimal  # per hour, of the instructor who gave the meeting
    rate_online: Decimal | None
    rate_private: Decimal | None
    instructor_budget: Decimal | None  # for the whole cycle; goes before any rate
    pay_mode: PayMode
    daily_rate: Decimal | None
    is_first_completed_of_day: bool


class Money(msgspec.Struct, frozen=True):
    """In the currency's major unit with exactly its decimals; profit may be negative."""

    revenue: Decimal
    instructor_payment: Decimal
    profit: Decimal


def meeting_money(facts: MeetingFacts) -> Money:
    """All zero unless the meeting is completed; a price that is not set counts as 0.

    Raises ValueError where amounts that are divided are finer than the currency's minor unit.
    """
    if facts.status != MeetingStatus.COMPLETED:
        nothing = quantize(Decimal(0), facts.currency)
        return Money(nothing, nothing, nothing)
    revenue = quantize(_revenue(facts), facts.currency)
    payment = quantize(_instructor_payment(facts), facts.currency)
    return Money(revenue, payment, revenue - payment)


def _revenue(facts: MeetingFacts) -> Decimal:
    if facts.nature == MeetingNature.NO_REVENUE:
        return Decimal(0)
    if facts.cycle_type == CycleType.PRIVATE:
        return _portion(facts, _private_total(facts))
    if facts.cycle_type == CycleType.INSTITUTIONAL_PER_CHILD:
        students = facts.student_count or facts.revenue_registrations
        return (facts.price_per_student or Decimal(0)) * students
    return facts.meeting_revenue or Decimal(0)


def _private_total(facts: MeetingFacts) -> Decimal:
    """VAT comes off the sum, not off each amount, so that rounding happens once."""
    gross = sum(facts.registration_amounts, Decimal(0))
    if not facts.price_includes_vat:
        return gross
    return net_of_vat(check_precision(gross, facts.currency), facts.vat_rate, facts.currency)


def _portion(facts: MeetingFacts, total: Decimal) -> Decimal:
    """The meeting's part of a total for the cycle; the parts of meetings 1 … total_meetings add up to it."""
    share, last = split_evenly(total, facts.total_meetings, facts.currency)
    return last if facts.number == facts.total_meetings else share


def _instructor_payment(facts: MeetingFacts) -> Decimal:
    if facts.instructor_budget is not None:
        return _portion(facts, facts.instructor_budget)
    if facts.pay_mode == PayMode.DAILY:
        return (facts.daily_rate or Decimal(0)) if facts.is_first_completed_of_day else Decimal(0)
    return _hourly_rate(facts) * _elapsed_microseconds(facts) / _MICROSECONDS_PER_HOUR


def _hourly_rate(facts: MeetingFacts) -> Decimal:
    activity = facts.meeting_activity or facts.cycle_activity
    rates = {ActivityType.ONLINE: facts.rate_online, ActivityType.PRIVATE_LESSON: facts.rate_private}
    rate = rates.get(activity)
    return facts.rate_frontal if rate is None else rate


def _elapsed_microseconds(facts: MeetingFacts) -> int:
    """By UTC: two times of one zone subtract as wall-clock times, an hour off over a clock change."""
    elapsed = facts.ends_at.astimezone(UTC) - facts.starts_at.astimezone(UTC)
    return elapsed // timedelta(microseconds=1)
