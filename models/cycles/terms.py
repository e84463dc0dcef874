"""What the terms of a cycle must be, told of a cycle as it was sent or as it would be stored."""

from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from models.cycles.rules import MeetingPattern, check_pattern
from models.cycles.values import CycleType, PayMode
from models.kernel.errors import Fault
from models.kernel.schema import check_money

# Outside of these years neither holidays nor time zones are known well enough to plan on.
FIRST_YEAR, LAST_YEAR = 1990, 2090


class Terms(Protocol):
    """`pattern` is a MeetingPattern, or its JSON; amounts are in `currency`."""

    @property
    def type(self) -> str: ...

    @property
    def pay_mode(self) -> str: ...

    start_date: date
    end_date: date | None
    timezone: str
    pattern: Any
    currency: str
    price_per_student: Decimal | None
    meeting_revenue: Decimal | None
    daily_rate: Decimal | None
    instructor_budget: Decimal | None


def cycle_faults(terms: Terms) -> list[Fault]:
    """Everything wrong between the fields of a cycle."""
    return [
        *_pattern_faults(terms),
        *_date_faults(terms),
        *_price_faults(terms),
        *check_money(
            terms.currency,
            pricePerStudent=terms.price_per_student,
            meetingRevenue=terms.meeting_revenue,
            dailyRate=terms.daily_rate,
            instructorBudget=terms.instructor_budget,
        ),
    ]


def _pattern_faults(terms: Terms) -> list[Fault]:
    pattern = msgspec.convert(terms.pattern, MeetingPattern)
    faults = check_pattern(pattern, terms.timezone)
    return [fault if fault.field == "timezone" else Fault(f"pattern.{fault.field}", fault.message) for fault in faults]


def _date_faults(terms: Terms) -> list[Fault]:
    if not FIRST_YEAR <= terms.start_date.year <= LAST_YEAR:
        return [Fault("startDate", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")]
    if terms.end_date is not None and terms.end_date < terms.start_date:
        return [Fault("endDate", "must not be before the start date")]
    return []


def _price_faults(terms: Terms) -> list[Fault]:
    """A private cycle needs no price of its own: its registrations carry the amounts."""
    needed = {
        "pricePerStudent": (terms.type == CycleType.INSTITUTIONAL_PER_CHILD, terms.price_per_student),
        "meetingRevenue": (terms.type == CycleType.INSTITUTIONAL_FIXED, terms.meeting_revenue),
        "dailyRate": (terms.pay_mode == PayMode.DAILY, terms.daily_rate),
    }
    because = f"is required for type `{terms.type}`"
    return [
        Fault(field, because if field != "dailyRate" else "is required for payMode `daily`")
        for field, (is_needed, value) in needed.items()
        if is_needed and value is None
    ]
