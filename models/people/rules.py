"""What is wrong with a person's data beyond single fields."""

from decimal import Decimal
from typing import Protocol

from models.kernel.errors import Fault
from models.kernel.schema import check_money


class HasRates(Protocol):
    """An instructor, as sent or as stored. Amounts are per hour in `currency`."""

    currency: str
    rate_frontal: Decimal
    rate_online: Decimal | None
    rate_private: Decimal | None
    rate_preparation: Decimal | None


def instructor_faults(instructor: HasRates) -> list[Fault]:
    return check_money(
        instructor.currency,
        rateFrontal=instructor.rate_frontal,
        rateOnline=instructor.rate_online,
        ratePrivate=instructor.rate_private,
        ratePreparation=instructor.rate_preparation,
    )
