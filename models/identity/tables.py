"""Users and the keys of integrations."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from models.identity.permissions import Role
from models.kernel.base import Resource
from models.kernel.clock import utc_now


class User(Resource):
    __tablename__ = "users"

    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str | None]
    blocked_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("role IN (" + ", ".join(f"'{role}'" for role in Role) + ")", name="role"),
        Index("uq_users_email", func.lower(text("email")), unique=True),
    )


class PreviousSecret(msgspec.Struct, frozen=True):
    """The secret a key had before it was rotated, for as long as it still opens."""

    prefix: str
    expires_at: datetime
    last_used_at: datetime | None


class ApiKey(Resource):
    """The secret is stored as a hash; `prefix` is what people tell keys apart by.

    After a rotation the secret before it opens until `previous_expires_at`. `last_used_at` is that of each secret.
    """

    __tablename__ = "api_keys"

    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    expires_at: Mapped[datetime | None]
    rate_limit_per_minute: Mapped[int | None]
    last_used_at: Mapped[datetime | None]
    previous_prefix: Mapped[str | None]
    previous_secret_hash: Mapped[str | None] = mapped_column(unique=True)
    previous_expires_at: Mapped[datetime | None]
    previous_last_used_at: Mapped[datetime | None]

    @property
    def previous(self) -> PreviousSecret | None:
        if self.previous_prefix is None or self.previous_expires_at is None or self.previous_expires_at <= utc_now():
            return None
        return PreviousSecret(self.previous_prefix, self.previous_expires_at, self.previous_last_used_at)
