"""What is wrong with the money of a registration."""

from decimal import Decimal
from typing import Protocol

from models.kernel.errors import Fault
from models.kernel.schema import check_money


class HasAmounts(Protocol):
    amount: Decimal
    amount_paid: Decimal

    @property
    def currency(self) -> str: ...


def amount_faults(registration: HasAmounts) -> list[Fault]:
    """The amount is one of its currency, and not less than what has been paid of it."""
    if faults := check_money(registration.currency, amount=registration.amount):
        return faults
    if registration.amount < registration.amount_paid:
        paid = f"{registration.amount_paid} {registration.currency}"
        return [Fault("amount", f"must not be less than the {paid} that have been paid")]
    return []


def still_due(registration: HasAmounts) -> Decimal:
    return registration.amount - registration.amount_paid
