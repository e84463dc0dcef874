"""Users, their sessions and second factors, and the keys of integrations."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from models.identity.permissions import Role
from models.identity.values import LinkPurpose, Provider
from models.kernel.base import Base, Entity, Resource, one_of
from models.kernel.clock import utc_now
from models.kernel.personal import Personal, words


class User(Resource):
    """`email_verified_at` says when they have shown that mail to the address reaches them."""

    __tablename__ = "users"
    masked = frozenset({"password_hash"})
    unnoticed = frozenset({"last_login_at"})
    personal = Personal(
        whose="id = ANY (:users)",
        erased={
            "email": "'erased-' || id || '@erased.invalid'",
            "name": "'Erased'",
            **dict.fromkeys(("phone", "avatar_url", "locale", "timezone", "password_hash"), "NULL"),
            **dict.fromkeys(("email_verified_at", "last_login_at"), "NULL"),
            "preferences": "'{}'",
            "blocked_at": "coalesce(blocked_at, clock_timestamp())",
            "deleted_at": "coalesce(deleted_at, clock_timestamp())",
        },
        names=words("email name phone avatar_url"),
        plain=words("role"),
    )

    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    phone: Mapped[str | None]
    avatar_url: Mapped[str | None]
    locale: Mapped[str | None]
    timezone: Mapped[str | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    password_hash: Mapped[str | None]
    email_verified_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("role IN (" + ", ".join(f"'{role}'" for role in Role) + ")", name="role"),
        Index("uq_users_email", func.lower(text("email")), unique=True, postgresql_where=text("deleted_at IS NULL")),
    )


class LoginSession(Entity):
    """A login: it is there until it is ended. Its refresh token is `family.secret`, the secret another each time."""

    __tablename__ = "sessions"
    masked = frozenset({"family_hash", "refresh_hash"})
    unnoticed = frozenset({"refresh_hash", "refreshed_at", "expires_at"})
    personal = Personal("user_id = ANY (:users)", ends=True)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_hash: Mapped[str] = mapped_column(unique=True)
    refresh_hash: Mapped[str]
    refreshed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    address: Mapped[str | None]
    user_agent: Mapped[str | None]


class MailedLink(Entity):
    """Something that is done once its owner follows a link out of a mail.

    Asked for by an address, whether there is such a user or not; the job that writes the mail finds out, and makes the
    token. A registration carries what the account will be made of: a password, or who somebody is at a provider.
    """

    __tablename__ = "mailed_links"
    masked = frozenset({"email", "name", "phone", "password_hash", "token_hash"})
    personal = Personal(
        "user_id = ANY (:users) OR lower(email) = ANY (:emails)", ends=True, plain=words("purpose provider")
    )

    purpose: Mapped[str]
    email: Mapped[str]
    name: Mapped[str | None]
    phone: Mapped[str | None]
    locale: Mapped[str | None]
    timezone: Mapped[str | None]
    password_hash: Mapped[str | None]
    provider: Mapped[str | None]
    subject: Mapped[str | None]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (one_of("purpose", LinkPurpose), Index("ix_mailed_links_email", func.lower(text("email"))))


class SecondFactor(Base):
    """The secret of someone's authenticator, encrypted; in force once confirmed. A code before `last_step` is spent."""

    __tablename__ = "second_factors"
    masked = encrypted = frozenset({"secret"})
    unnoticed = frozenset({"last_step"})
    personal = Personal("user_id = ANY (:users)", ends=True)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class RecoveryCode(Base):
    """Stands in for an authenticator that was lost, once."""

    __tablename__ = "recovery_codes"
    masked = frozenset({"code_hash"})
    personal = Personal("user_id = ANY (:users)", ends=True)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(primary_key=True)


class GuessCount(Base):
    """How often something was tried that is tried too often by who guesses: a password, a code, a mail."""

    __tablename__ = "guess_counts"
    unaudited = "a count"
    personal = Personal(plain=words("key"))

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    resets_at: Mapped[datetime] = mapped_column(index=True)


class ProviderIdentity(Entity):
    """Somebody at a provider is this user. The provider's own id of them counts, not their mail, which may change."""

    __tablename__ = "provider_identities"
    unnoticed = frozenset({"last_used_at"})
    personal = Personal("user_id = ANY (:users)", ends=True, names=words("email subject"), plain=words("provider"))

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str]
    subject: Mapped[str]
    email: Mapped[str | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (one_of("provider", Provider), UniqueConstraint("provider", "subject"))


class ProviderKeys(Base):
    """The public keys that a provider signs with, by id, as last fetched by the job `job_id`."""

    __tablename__ = "provider_keys"
    unaudited = "public keys, fetched again and again"
    personal = Personal(plain=words("url keys"))

    url: Mapped[str] = mapped_column(primary_key=True)
    keys: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    asked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    fetched_at: Mapped[datetime | None]
    job_id: Mapped[UUID | None]


class ProviderCheck(Base):
    """Somebody's credential, encrypted, until a job has had it checked by its provider; then who they are.

    Taken out with the answer; what nobody takes is forgotten after minutes.
    """

    __tablename__ = "provider_checks"
    unaudited = "a question to a provider that is gone with its answer"
    encrypted = frozenset({"credential"})
    personal = Personal(
        "lower(identity ->> 'email') = ANY (:emails)", ends=True, mentions=words("refusal"), plain=words("provider")
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str]
    credential: Mapped[str | None]
    identity: Mapped[dict[str, Any] | None]
    refusal: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)

    __table_args__ = (one_of("provider", Provider),)


class GuestSession(Resource):
    """A visitor, whom nobody knows: what they put together before they become somebody."""

    __tablename__ = "guest_sessions"

    expires_at: Mapped[datetime] = mapped_column(index=True)


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
    masked = frozenset({"secret_hash", "previous_secret_hash"})
    unnoticed = frozenset({"last_used_at", "previous_last_used_at"})
    personal = Personal(
        by="created_by = ANY (:users)", mentions=words("name"), plain=words("prefix previous_prefix scopes")
    )

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
