"""Registrations as files."""

from typing import Any

from sqlalchemy import Select

from models.cycles.tables import Cycle
from models.exports.registry import Column, ColumnType, Exportable, register
from models.kernel.paging import filters
from models.kernel.reach import Reach
from models.people.tables import Customer, Student
from models.registrations import queries
from models.registrations.service import RegistrationPage
from models.registrations.tables import Registration


def registrations(page: RegistrationPage, reach: Reach) -> Select[Any]:
    """The oldest first, with the names of what they belong to."""
    statement = queries.registrations(filters(page), reach).join(Customer, Customer.id == Student.customer_id)
    return statement.order_by(Registration.id)


register(
    Exportable(
        name="registrations",
        title="Registrations",
        scope="read:registrations",
        filters=RegistrationPage,
        rows=registrations,
        searched=(Student.name,),
        columns=(
            Column("id", "Id", Registration.id, width=38),
            Column("registeredAt", "Registered (UTC)", Registration.registered_at, ColumnType.DATETIME, width=20),
            Column("cycleId", "Cycle id", Registration.cycle_id, width=38),
            Column("cycleName", "Cycle", Cycle.name, width=28),
            Column("studentId", "Student id", Registration.student_id, width=38),
            Column("studentName", "Student", Student.name, width=24),
            Column("customerId", "Customer id", Student.customer_id, width=38),
            Column("customerName", "Customer", Customer.name, width=24),
            Column("status", "Status", Registration.status, width=12),
            Column("currency", "Currency", Cycle.currency, width=10),
            Column("amount", "Amount", Registration.amount, ColumnType.MONEY, currency=Cycle.currency),
            Column("amountPaid", "Paid", Registration.amount_paid, ColumnType.MONEY, currency=Cycle.currency),
            Column("paymentStatus", "Payment", Registration.payment_status, width=12),
            Column("paymentMethod", "Paid by", Registration.payment_method, width=12),
            Column("invoiceLink", "Invoice", Registration.invoice_link, width=40),
            Column("notes", "Notes", Registration.notes, width=40),
            Column("cancelledAt", "Cancelled (UTC)", Registration.cancelled_at, ColumnType.DATETIME, width=20),
            Column("cancellationReason", "Reason", Registration.cancellation_reason, width=28),
        ),
    )
)
