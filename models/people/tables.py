"""Who pays, who learns, who teaches."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Resource, one_of
from models.kernel.personal import Personal, words
from models.people.values import EmploymentType


class Customer(Resource):
    """A parent or payer."""

    __tablename__ = "customers"
    personal = Personal(
        "id = ANY (:customers)",
        erased={"name": "'Erased'", **dict.fromkeys(("phone", "email", "address", "city", "notes"), "NULL")},
        names=words("name phone email address"),
        mentions=words("notes"),
    )

    name: Mapped[str] = mapped_column(index=True)
    phone: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(index=True)
    address: Mapped[str | None]
    city: Mapped[str | None] = mapped_column(index=True)
    notes: Mapped[str | None]


class Student(Resource):
    __tablename__ = "students"
    personal = Personal(
        "id = ANY (:students)",
        erased={"name": "'Erased'", **dict.fromkeys(("birth_date", "grade", "notes"), "NULL")},
        names=words("name"),
        mentions=words("notes"),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), index=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    birth_date: Mapped[date | None]
    grade: Mapped[str | None]
    notes: Mapped[str | None]


class Instructor(Resource):
    """Rates are per hour in `currency`. `number` stands for the instructor in the constraint on meetings."""

    __tablename__ = "instructors"
    personal = Personal(
        "id = ANY (:instructors)",
        erased={"name": "'Erased'", "phone": "NULL", "email": "NULL"},
        names=words("name phone email"),
        plain=words("employment_type currency"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    phone: Mapped[str | None]
    email: Mapped[str | None]
    employment_type: Mapped[str]
    currency: Mapped[str]
    rate_frontal: Mapped[Decimal]
    rate_online: Mapped[Decimal | None]
    rate_private: Mapped[Decimal | None]
    rate_preparation: Mapped[Decimal | None]
    is_active: Mapped[bool] = mapped_column(server_default="true")

    __table_args__ = (
        one_of("employment_type", EmploymentType),
        CheckConstraint(
            "rate_frontal >= 0 AND rate_online >= 0 AND rate_private >= 0 AND rate_preparation >= 0", name="rates"
        ),
    )
