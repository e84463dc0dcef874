"""Students in cycles."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.cycles.tables import Cycle
from models.kernel.base import Resource, one_of
from models.kernel.personal import Personal, words
from models.registrations.values import PaymentMethod, RegistrationStatus


class Registration(Resource):
    """`amount` is for the whole cycle, in its currency. The student holds a place unless it is cancelled."""

    __tablename__ = "registrations"
    loads = ("cycle",)
    personal = Personal(
        "student_id = ANY (:students)",
        erased=dict.fromkeys(("notes", "cancellation_reason", "invoice_link"), "NULL"),
        mentions=words("notes cancellation_reason invoice_link"),
        plain=words("status payment_status payment_method"),
    )

    cycle_id: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), index=True)
    student_id: Mapped[UUID] = mapped_column(ForeignKey("students.id"), index=True)
    status: Mapped[str] = mapped_column(server_default="registered")
    amount: Mapped[Decimal]
    amount_paid: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0")
    payment_status: Mapped[str] = mapped_column(
        Computed(
            "CASE WHEN amount_paid >= amount THEN 'paid' WHEN amount_paid > 0 THEN 'partial' ELSE 'unpaid' END",
            persisted=True,
        )
    )
    payment_method: Mapped[str | None]
    invoice_link: Mapped[str | None]
    notes: Mapped[str | None]
    registered_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    cancelled_at: Mapped[datetime | None]
    cancellation_reason: Mapped[str | None]
    cycle: Mapped[Cycle] = relationship(lazy="raise")

    @property
    def currency(self) -> str:
        return self.cycle.currency

    __table_args__ = (
        one_of("status", RegistrationStatus),
        one_of("payment_method", PaymentMethod),
        CheckConstraint("amount_paid >= 0 AND amount_paid <= amount", name="amounts"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
        Index(
            "uq_registrations_student_cycle", "student_id", "cycle_id", unique=True,
            postgresql_where=text("deleted_at IS NULL AND status <> 'cancelled'"),
        ),
    )  # fmt: skip
