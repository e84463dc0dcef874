"""Students in cycles."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Resource, one_of
from models.registrations.values import PaymentMethod, PaymentStatus, RegistrationStatus


class Registration(Resource):
    """`amount` for the whole cycle, in its currency. The student holds a place unless cancelled."""

    __tablename__ = "registrations"

    cycle_id: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), index=True)
    student_id: Mapped[UUID] = mapped_column(ForeignKey("students.id"), index=True)
    status: Mapped[str] = mapped_column(server_default="registered")
    amount: Mapped[Decimal]
    amount_paid: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0")
    payment_status: Mapped[str] = mapped_column(default="unpaid", server_default="unpaid")
    payment_method: Mapped[str | None]
    invoice_link: Mapped[str | None]
    notes: Mapped[str | None]
    registered_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    cancelled_at: Mapped[datetime | None]
    cancellation_reason: Mapped[str | None]

    __table_args__ = (
        one_of("status", RegistrationStatus),
        one_of("payment_status", PaymentStatus),
        one_of("payment_method", PaymentMethod),
        CheckConstraint("amount >= 0 AND amount_paid >= 0", name="amounts"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
        Index(
            "uq_registrations_student_cycle", "student_id", "cycle_id", unique=True,
            postgresql_where=text("deleted_at IS NULL AND status <> 'cancelled'"),
        ),
    )  # fmt: skip
