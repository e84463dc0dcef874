"""What is taught, and where."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.courses.values import BranchType, CourseStatus, Difficulty
from models.kernel.base import Resource, one_of
from models.kernel.personal import Personal, words


class Course(Resource):
    __tablename__ = "courses"
    personal = Personal(
        by="instructor_id = ANY (:instructors)",
        mentions=words("title description target_audience cover_image_url"),
        plain=words("category difficulty currency status"),
    )

    title: Mapped[str] = mapped_column(index=True)
    description: Mapped[str | None]
    category: Mapped[str | None] = mapped_column(index=True)
    difficulty: Mapped[str | None]
    duration_minutes: Mapped[int | None]
    price: Mapped[Decimal | None]
    currency: Mapped[str | None]
    cover_image_url: Mapped[str | None]
    target_audience: Mapped[str | None]
    instructor_id: Mapped[UUID | None] = mapped_column(ForeignKey("instructors.id"))
    status: Mapped[str] = mapped_column(server_default="draft")

    __table_args__ = (
        one_of("status", CourseStatus),
        one_of("difficulty", Difficulty),
        CheckConstraint("price IS NULL OR (price >= 0 AND currency IS NOT NULL)", name="price"),
        CheckConstraint("duration_minutes > 0", name="duration_minutes"),
    )


class Branch(Resource):
    """`country` and `subdivision` choose the public holidays and the rate of VAT; `timezone` is IANA."""

    __tablename__ = "branches"
    personal = Personal(
        mentions=words("name address contact_name contact_phone contact_email"),
        plain=words("type country subdivision timezone city"),
    )

    name: Mapped[str] = mapped_column(index=True)
    type: Mapped[str]
    country: Mapped[str]
    subdivision: Mapped[str | None]
    timezone: Mapped[str]
    address: Mapped[str | None]
    city: Mapped[str | None]
    contact_name: Mapped[str | None]
    contact_phone: Mapped[str | None]
    contact_email: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default="true")

    __table_args__ = (one_of("type", BranchType),)


class Closure(Resource):
    """Days on which a branch (or, without one, every branch) gives no lessons; both dates inclusive."""

    __tablename__ = "closures"
    personal = Personal(mentions=words("name"), plain=words("start_date end_date"))

    branch_id: Mapped[UUID | None] = mapped_column(ForeignKey("branches.id"))
    name: Mapped[str]
    start_date: Mapped[date]
    end_date: Mapped[date]

    __table_args__ = (
        CheckConstraint("end_date >= start_date", name="dates"),
        Index("ix_closures_branch_id_dates", "branch_id", "start_date", "end_date"),
    )
