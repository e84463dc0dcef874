"""What is wrong with a course, a branch or a closure beyond single fields: as sent, or as it would be stored."""

from datetime import date
from decimal import Decimal
from typing import Protocol

from models.kernel.errors import Fault
from models.kernel.places import check_place
from models.kernel.schema import check_money, check_timezone


class HasPrice(Protocol):
    price: Decimal | None
    currency: str | None


class HasPlace(Protocol):
    country: str
    subdivision: str | None
    timezone: str


class HasDates(Protocol):
    start_date: date
    end_date: date


def course_faults(course: HasPrice) -> list[Fault]:
    return check_money(course.currency, price=course.price)


def branch_faults(branch: HasPlace) -> list[Fault]:
    return [*check_place(branch.country, branch.subdivision), *check_timezone("timezone", branch.timezone)]


def closure_faults(closure: HasDates) -> list[Fault]:
    return [Fault("endDate", "must not be before `startDate`")] if closure.end_date < closure.start_date else []
