"""Tokens this deployment signs: JWTs with HS256, each for one purpose and never taken for another.

The header names the purpose (`typ`) and the key (`kid`). Keys rotate: the newest signs, retired ones are believed.
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import jwt
import msgspec
from pydantic import SecretStr

from models.kernel.errors import Unauthorized
from models.kernel.settings import Settings

ALGORITHM = "HS256"
ISSUER = "bellwork"
AUDIENCE = "bellwork"
# How far the clocks of two API processes may be apart.
LEEWAY = timedelta(seconds=10)
_REQUIRED = ["iss", "aud", "sub", "iat", "nbf", "exp"]


class Purpose(StrEnum):
    """`access`: calls on behalf of a session. `challenge`: the password was right, the second step is due. `guest`:
    calls of a visitor. `job`: following one job.
    """

    ACCESS = "access"
    CHALLENGE = "challenge"
    GUEST = "guest"
    JOB = "job"

    @property
    def typ(self) -> str:
        return f"{self}+jwt"

    @property
    def renewal(self) -> str:
        return "ask for another one" if self is Purpose.JOB else "refresh it, or log in again"


class Token(msgspec.Struct, frozen=True):
    """What was read: whom it is about, and everything it says."""

    subject: UUID
    claims: dict[str, Any]

    def id_in(self, claim: str) -> UUID:
        """Raises Unauthorized when the claim is no id."""
        try:
            return UUID(self.claims[claim])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Unauthorized("The token is not valid.") from None


def issue_token(
    settings: Settings, purpose: Purpose, subject: UUID, now: datetime, lifetime: timedelta, **claims: str
) -> str:
    key = settings.secret_key
    whole = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(subject), "iat": now, "nbf": now, "exp": now + lifetime, **claims,
    }  # fmt: skip
    headers = {"typ": purpose.typ, "kid": key_id(key)}
    return jwt.encode(whole, key.get_secret_value(), algorithm=ALGORITHM, headers=headers)


def read_token(settings: Settings, purpose: Purpose, token: str, *claims: str) -> Token:
    """`claims` are those it must have besides the usual ones.

    Raises Unauthorized for a token that is expired, not signed by us, not for us, or for another purpose.
    """
    try:
        key = _key_named(settings, jwt.get_unverified_header(token).get("kid"))
        whole = jwt.decode_complete(
            token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY,
            options={"require": [*_REQUIRED, *claims], "strict_aud": True},
        )  # fmt: skip
        if whole["header"].get("typ") != purpose.typ:
            raise jwt.InvalidTokenError("a token for another purpose")
        return Token(UUID(whole["payload"]["sub"]), whole["payload"])
    except jwt.ExpiredSignatureError:
        raise Unauthorized(f"The {purpose} token has expired; {purpose.renewal}.") from None
    except (jwt.InvalidTokenError, ValueError):
        raise Unauthorized(f"The {purpose} token is not valid.") from None


def is_for(purpose: Purpose, token: str) -> bool:
    """Whether the token says so; whether that is true, `read_token` finds out."""
    try:
        return bool(jwt.get_unverified_header(token).get("typ") == purpose.typ)
    except jwt.InvalidTokenError:
        return False


def key_id(key: SecretStr) -> str:
    """Tells keys apart without telling anything of them."""
    return hashlib.sha256(b"bellwork:kid:" + key.get_secret_value().encode()).hexdigest()[:12]


def _key_named(settings: Settings, name: object) -> str:
    for key in settings.signing_keys:
        if key_id(key) == name:
            return key.get_secret_value()
    raise jwt.InvalidTokenError("no key of ours")
