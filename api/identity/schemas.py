"""Logins and users on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from models.kernel.schema import Email, In, Out


class LoginIn(In):
    email: Email
    password: Annotated[str, Meta(min_length=1, max_length=200)]


class UserOut(Out):
    id: UUID
    email: str
    name: str
    role: str
    last_login_at: datetime | None
    created_at: datetime


class LoginOut(Out):
    access_token: str
    token_type: str
    expires_in: int
    user: UserOut


class MeOut(Out):
    """Who the credentials belong to; `user` is null for an API key."""

    actor: str
    role: str | None
    scopes: list[str]
    user: UserOut | None
