"""Access tokens of people: JWTs signed with HS256 by this deployment, for this audience, for an hour."""

from datetime import datetime, timedelta
from uuid import UUID

import jwt
from pydantic import SecretStr

from models.kernel.errors import Unauthorized

ALGORITHM = "HS256"
AUDIENCE = "bellwork"


def issue_token(user_id: UUID, secret: SecretStr, now: datetime, minutes: int) -> str:
    claims = {"sub": str(user_id), "aud": AUDIENCE, "iat": now, "exp": now + timedelta(minutes=minutes)}
    return jwt.encode(claims, secret.get_secret_value(), algorithm=ALGORITHM)


def read_token(token: str, secret: SecretStr) -> UUID:
    """The user's id. Raises Unauthorized for a token that is expired, not signed by us, or not for us."""
    try:
        claims = jwt.decode(
            token, secret.get_secret_value(), algorithms=[ALGORITHM], audience=AUDIENCE,
            options={"require": ["sub", "exp", "iat", "aud"]},
        )  # fmt: skip
        return UUID(claims["sub"])
    except jwt.ExpiredSignatureError:
        raise Unauthorized("The access token has expired; log in again.") from None
    except (jwt.InvalidTokenError, ValueError):
        raise Unauthorized("The access token is not valid.") from None
