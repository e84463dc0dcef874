"""Logins, registrations and sessions on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from models.identity.rules import password_faults
from models.kernel.errors import Fault
from models.kernel.schema import Email, In, Locale, Name, Out, Phone, Timezone, check_timezone

Password = Annotated[str, Meta(min_length=1, max_length=200, examples=["correct horse battery staple"])]
MailedToken = Annotated[
    str, Meta(min_length=1, max_length=200, description="what stands behind `#token=` in the mailed link")
]
Code = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Za-z][0-9A-Za-z -]{4,30}[0-9A-Za-z]$(?!\n)", examples=["492039"],
        description="six digits of the authenticator, or a recovery code",
    ),
]  # fmt: skip


class LoginIn(In):
    email: Email
    password: Password


class SecondStepIn(In):
    challenge_token: Annotated[str, Meta(max_length=2000, examples=["eyJhbGciOiJIUzI1NiJ9.…"])]
    code: Code


class RefreshIn(In):
    refresh_token: Annotated[str, Meta(min_length=1, max_length=200, examples=["QY1…XwT.b0K…9sE"])]


class UserOut(Out):
    id: UUID
    email: str
    name: str
    role: str
    phone: str | None
    avatar_url: str | None
    locale: str | None
    timezone: str | None
    email_verified_at: datetime | None
    blocked_at: datetime | None
    last_login_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class LoginOut(Out):
    """`expiresIn` is the access token's, in seconds. The refresh token is good once."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    user: UserOut


class ChallengeOut(Out):
    """The password was right; `POST /auth/login/totp` takes this token and a code, within `expiresIn` seconds."""

    challenge_token: str
    expires_in: int


class MeOut(Out):
    """Who the credentials belong to; `user` is null for an API key."""

    actor: str
    role: str | None
    scopes: list[str]
    user: UserOut | None


class RegistrationIn(In):
    email: Email
    password: Password
    name: Name
    phone: Phone | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None

    def faults(self) -> list[Fault]:
        faults = password_faults("password", self.password, self.email)
        return faults + (check_timezone("timezone", self.timezone) if self.timezone else [])


class RegistrationOut(Out):
    """The same for an address that has an account already; its owner gets a mail that says so."""

    registration_id: UUID


class ResendIn(In):
    registration_id: UUID


class MailedTokenIn(In):
    token: MailedToken


class EmailIn(In):
    email: Email


class NewPasswordIn(In):
    token: MailedToken
    new_password: Password


class PasswordIn(In):
    current_password: Password
    new_password: Password


class SessionOut(Out):
    """`current` is the one of the token that asks."""

    id: UUID
    current: bool
    address: str | None
    user_agent: str | None
    created_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime
