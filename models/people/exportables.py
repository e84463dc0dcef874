"""People as files."""

from models.exports.registry import Column, ColumnType, Exportable, register
from models.kernel.paging import filters
from models.people import queries
from models.people.service import CustomerPage, StudentPage
from models.people.tables import Customer, Student

register(
    Exportable(
        name="customers",
        title="Customers",
        scope="read:customers",
        filters=CustomerPage,
        rows=lambda page: queries.customers(filters(page)).order_by(Customer.id),
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
        rows=lambda page: (
            queries.students(filters(page)).join(Customer, Customer.id == Student.customer_id).order_by(Student.id)
        ),
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
