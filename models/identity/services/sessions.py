"""Logins, and what their tokens are worth."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import queries
from models.identity.caller import Caller
from models.identity.passwords import matches
from models.identity.permissions import ROLE_SCOPES, Role
from models.identity.tables import User
from models.identity.tokens import issue_token, read_token
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.errors import Unauthorized
from models.kernel.session import Connection, fetch
from models.kernel.settings import Settings

_WRONG = "The email or the password is wrong."


class LoggedIn(msgspec.Struct, frozen=True):
    token: str
    user: User


async def log_in(session: AsyncSession, settings: Settings, email: str, password: str) -> LoggedIn:
    """Raises Unauthorized, in the same words whatever was wrong."""
    rows = await fetch(session, queries.USER_BY_EMAIL, email)
    user = rows[0] if rows else None
    right = await matches(user["password_hash"] if user else None, password)
    if user is None or user["blocked_at"] is not None or not right:
        raise Unauthorized(_WRONG)
    await fetch(session, queries.RECORD_LOGIN, user["id"])
    token = issue_token(user["id"], settings.secret_key, utc_now(), settings.access_token_minutes)
    return LoggedIn(token, await crud.get_live(session, User, user["id"]))


async def authenticate_token(on: Connection, settings: Settings, token: str) -> Caller:
    """Raises Unauthorized for a bad token, and for a user who is gone or blocked."""
    rows = await fetch(on, queries.USER_FOR_TOKEN, read_token(token, settings.secret_key))
    if not rows:
        raise Unauthorized("The access token is not valid.")
    role = Role(rows[0]["role"])
    return Caller(kind="user", id=rows[0]["id"], role=role, scopes=ROLE_SCOPES[role])
