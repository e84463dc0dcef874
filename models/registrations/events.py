"""What happens to registrations."""

from uuid import UUID

from models.events.catalogue import event_type, lifecycle
from models.kernel.schema import Money, Priced
from models.registrations.values import PaymentMethod, PaymentStatus, RegistrationStatus


class RegistrationState(Priced):
    id: UUID
    cycle_id: UUID
    student_id: UUID
    status: RegistrationStatus
    amount: Money
    amount_paid: Money
    currency: str
    payment_status: PaymentStatus
    payment_method: PaymentMethod | None
    cancellation_reason: str | None


_id = "0198c0de-0000-7000-8000-000000000001"
_example = {
    "id": _id, "cycleId": _id, "studentId": _id, "status": "registered", "amount": 1200, "amountPaid": 400,
    "currency": "ILS", "paymentStatus": "partial", "paymentMethod": "credit", "cancellationReason": None,
}  # fmt: skip

REGISTRATION = lifecycle("registration", RegistrationState, "A registration", _example)
REGISTRATION_CANCELLED = event_type(
    "registration.cancelled", RegistrationState, "A registration was cancelled; its place is free.",
    {**_example, "status": "cancelled", "cancellationReason": "The family moves."},
)  # fmt: skip
REGISTRATION_PAID = event_type(
    "registration.paid", RegistrationState, "A payment was recorded: a part, or the rest.", _example
)
