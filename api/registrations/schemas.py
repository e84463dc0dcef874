"""Registrations on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from models.kernel.errors import Fault
from models.kernel.schema import In, Instant, Link, LongText, Money, Priced, check_range
from models.registrations.values import PaymentMethod, PaymentStatus, RegistrationStatus

Reason = Annotated[str, Meta(min_length=1, max_length=500, examples=["The family moves."])]


def _status_faults(status: RegistrationStatus | UnsetType) -> list[Fault]:
    cancelled = status == RegistrationStatus.CANCELLED
    return [Fault("status", "is set by POST /registrations/{id}/cancel")] if cancelled else []


class CycleRegistrationIn(In):
    """A registration whose cycle the path names. Without an amount it costs what the cycle costs per student."""

    student_id: UUID
    status: RegistrationStatus = RegistrationStatus.REGISTERED
    amount: Money | None = None
    payment_method: PaymentMethod | None = None
    invoice_link: Link | None = None
    notes: LongText | None = None
    registered_at: Instant | None = None

    def faults(self) -> list[Fault]:
        return [*_status_faults(self.status), *check_range("amount", self.amount)]


class RegistrationIn(CycleRegistrationIn, kw_only=True):
    cycle_id: UUID


class RegistrationPut(In):
    """Student and cycle stay: for another of them register anew."""

    status: RegistrationStatus
    amount: Money
    payment_method: PaymentMethod | None = None
    invoice_link: Link | None = None
    notes: LongText | None = None

    def faults(self) -> list[Fault]:
        return [*_status_faults(self.status), *check_range("amount", self.amount)]


class RegistrationPatch(In):
    status: RegistrationStatus | UnsetType = UNSET
    amount: Money | UnsetType = UNSET
    payment_method: PaymentMethod | UnsetType | None = UNSET
    invoice_link: Link | UnsetType | None = UNSET
    notes: LongText | UnsetType | None = UNSET

    def faults(self) -> list[Fault]:
        return _status_faults(self.status)


class CancelIn(In):
    reason: Reason | None = None


class PaymentIn(In):
    """`amount` is what has been paid now, beside what was paid before."""

    amount: Money
    method: PaymentMethod | None = None
    invoice_link: Link | None = None

    def faults(self) -> list[Fault]:
        nothing = [Fault("amount", "must be more than 0")] if self.amount == 0 else []
        return check_range("amount", self.amount) or nothing


class RegistrationOut(Priced):
    """Amounts are in the cycle's `currency`; `amount` is for the whole cycle."""

    id: UUID
    cycle_id: UUID
    student_id: UUID
    status: RegistrationStatus
    amount: Money
    amount_paid: Money
    currency: str
    payment_status: PaymentStatus
    payment_method: PaymentMethod | None
    invoice_link: str | None
    notes: str | None
    registered_at: datetime
    cancelled_at: datetime | None
    cancellation_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int
