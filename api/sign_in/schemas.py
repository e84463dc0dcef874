"""Signing in with providers on the wire."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from models.identity.values import Provider
from models.kernel.errors import Fault
from models.kernel.schema import In, Locale, Out, Phone, Timezone, check_timezone

IdToken = Annotated[str, Meta(min_length=1, max_length=8192, examples=["eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.…"])]
AccessToken = Annotated[
    str, Meta(min_length=1, max_length=2048, pattern=r"^[A-Za-z0-9_|.-]+$(?!\n)", examples=["EAAG"])
]
Nonce = Annotated[str, Meta(min_length=1, max_length=500, description="as it was given to the provider")]


class GoogleIn(In):
    """`idToken` is the credential of Sign in with Google; with a `nonce`, the token must hold it."""

    id_token: IdToken
    nonce: Nonce | None = None


class FacebookIn(In):
    """Either the `accessToken` of a login, or the `idToken` of a Limited Login, which may hold a `nonce`."""

    EXAMPLE: ClassVar[dict[str, Any]] = {"accessToken": "EAAGm0PX4ZCpsBAKZCmZBZC0n7QZD"}

    access_token: AccessToken | None = None
    id_token: IdToken | None = None
    nonce: Nonce | None = None

    def faults(self) -> list[Fault]:
        if (self.access_token is None) == (self.id_token is None):
            return [Fault("accessToken", "either this or `idToken` must be given")]
        lone = self.nonce is not None and self.id_token is None
        return [Fault("nonce", "is for an `idToken` only")] if lone else []


class ClerkUserIn(In):
    """Mail, name and picture come from Clerk; this is what Clerk does not know."""

    phone: Phone | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET
    timezone: Timezone | UnsetType | None = UNSET

    def faults(self) -> list[Fault]:
        return check_timezone("timezone", self.timezone) if isinstance(self.timezone, str) else []


class IdentityOut(Out):
    """`email` is what the provider calls it, which may be another than the account's."""

    id: UUID
    provider: Provider
    email: str | None
    last_used_at: datetime | None
    created_at: datetime
