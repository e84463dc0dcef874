"""The demo's own sums: what each cycle earns and pays, from the dataset alone.

Written from the rules in the documentation, with nothing taken from the platform's code, so that the two can
be wrong only independently of each other.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from cli.demo.calendar import PlannedMeeting, plan
from cli.demo.records import Cycle, Instructor, School

VAT = {"IL": Decimal("0.18"), "MX": Decimal("0.16"), "NG": Decimal("0.075")}
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Sum:
    meetings: int
    revenue: Decimal
    pay: Decimal

    @property
    def profit(self) -> Decimal:
        return self.revenue - self.pay


def expected_sums(school: School) -> dict[str, Sum]:
    """By the key of the cycle, for the meetings that the demo completes."""
    return {cycle.key: _expected_sum(school, cycle) for cycle in school.cycles}


def completed_meetings(school: School, cycle: Cycle) -> list[PlannedMeeting]:
    return plan(cycle, school.branch(cycle.branch))[: cycle.total - cycle.unfinished]


def _expected_sum(school: School, cycle: Cycle) -> Sum:
    meetings = completed_meetings(school, cycle)
    revenue = sum((_revenue(school, cycle, meeting) for meeting in meetings), Decimal(0))
    return Sum(len(meetings), revenue, _pay(school, cycle, meetings))


def _revenue(school: School, cycle: Cycle, meeting: PlannedMeeting) -> Decimal:
    paying = [each for each in school.registrations_of(cycle) if each.brings_revenue]
    if cycle.type == "private":
        gross = sum((each.amount for each in paying), Decimal(0))
        rate = VAT[school.branch(cycle.branch).country] if cycle.price_includes_vat else Decimal(0)
        return _part(_cents(gross / (1 + rate)), cycle.total, meeting.number)
    if cycle.type == "institutional_per_child":
        there = sum(each.since <= meeting.day for each in paying)
        return _cents((cycle.price or Decimal(0)) * (cycle.student_count or there))
    return _cents(cycle.meeting_revenue or Decimal(0))


def _pay(school: School, cycle: Cycle, meetings: list[PlannedMeeting]) -> Decimal:
    if cycle.budget is not None:
        return sum((_part(cycle.budget, cycle.total, meeting.number) for meeting in meetings), Decimal(0))
    if cycle.daily_rate is not None:
        return cycle.daily_rate * len({meeting.day for meeting in meetings})
    rate = _rate(school.instructor(cycle.instructor), cycle.activity)
    return sum((_cents(rate * meeting.minutes / 60) for meeting in meetings), Decimal(0))


def _rate(instructor: Instructor, activity: str) -> Decimal:
    own = {"online": instructor.online, "private_lesson": instructor.private}.get(activity)
    return instructor.frontal if own is None else own


def _part(total: Decimal, parts: int, number: int) -> Decimal:
    """Equal parts to the cent; the last one is what is left, and never below nothing."""
    each = _cents(total / parts)
    if each * (parts - 1) > total:
        each = (total / parts).quantize(_CENT, ROUND_DOWN)
    return total - each * (parts - 1) if number == parts else each


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
