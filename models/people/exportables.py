"""People as files."""

from typing import Any

from sqlalchemy import Select

from models.exports.registry import Column, ColumnType, Exportable, register
from models.kernel.paging import filters
from models.kernel.reach import Reach
from models.people import queries
from models.people.service import CustomerPage, StudentPage
from models.people.tables import Customer, Student


def students(page: StudentPage, reach: Reach) -> Select[Any]:
    """With the names of their customers."""
    statement = queries.students(filters(page), reach).join(Customer, Customer.id == Student.customer_id)
    return statement.order_by(Student.id)


register(
    Exportable(
        name="customers",
        title="Customers",
        scope="read:customers",
        filters=CustomerPage,
        rows=lambda page, reach: queries.customers(filters(page), reach).order_by(Customer.id),
        searched=(Customer.name, Customer.phone, Customer.email),
        columns=(
            Column("id", "Id", Customer.id, width=38),
            Column("name", "Name", Customer.name, width=28),
            Column("phone", "Phone", Customer.phone, width=18),
            Column("email", "Email", Customer.email, width=30),
            Column("address", "Address", Customer.address, width=30),
            Column("city", "City", Customer.city, width=18),
            Column("notes", "Notes", Customer.notes, width=40),
            Column("createdAt", "Created (UTC)", Customer.created_at, ColumnType.DATETIME, width=20),
        ),
    )
)

register(
    Exportable(
        name="students",
        title="Students",
        scope="read:students",
        filters=StudentPage,
        rows=students,
        searched=(Student.name,),
        columns=(
            Column("id", "Id", Student.id, width=38),
            Column("name", "Name", Student.name, width=28),
            Column("birthDate", "Born", Student.birth_date, ColumnType.DATE, width=12),
            Column("grade", "Grade", Student.grade, width=10),
            Column("customerId", "Customer id", Student.customer_id, width=38),
            Column("customerName", "Customer", Customer.name, width=28),
            Column("customerPhone", "Customer's phone", Customer.phone, width=18),
            Column("notes", "Notes", Student.notes, width=40),
            Column("createdAt", "Created (UTC)", Student.created_at, ColumnType.DATETIME, width=20),
        ),
    )
)
