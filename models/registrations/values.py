"""The words a registration is described with, as they are stored and sent."""

from enum import StrEnum


class RegistrationStatus(StrEnum):
    """All but the cancelled hold a place in the cycle."""

    REGISTERED = "registered"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    TRIAL = "trial"


class PaymentStatus(StrEnum):
    UNPAID = "unpaid"
    PARTIAL = "partial"
    PAID = "paid"


class PaymentMethod(StrEnum):
    CREDIT = "credit"
    TRANSFER = "transfer"
    CASH = "cash"
