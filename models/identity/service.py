"""Users, logins and API keys."""

import asyncio
import secrets
from datetime import datetime
from uuid import UUID

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import queries
from models.identity.caller import Caller
from models.identity.permissions import ROLE_SCOPES, WILDCARDS, Role, Scope
from models.identity.secrets import LIVE, is_well_formed, new_api_key, stored_form, visible_prefix
from models.identity.tables import ApiKey, User
from models.identity.tokens import issue_token, read_token
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.errors import Forbidden, Invalid, Unauthorized
from models.kernel.paging import Page, Pagination, paginate
from models.kernel.session import Connection, fetch
from models.kernel.settings import Settings

_hasher = PasswordHasher()
_WRONG = "The email or the password is wrong."
# Checked when there is no such user, so that the answer takes as long.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


class LoggedIn(msgspec.Struct, frozen=True):
    token: str
    user: User


class NewApiKey(msgspec.Struct, frozen=True):
    """`secret` is shown now and never again."""

    key: ApiKey
    secret: str


async def log_in(session: AsyncSession, settings: Settings, email: str, password: str) -> LoggedIn:
    """Raises Unauthorized, in the same words whatever was wrong."""
    rows = await fetch(session, queries.USER_BY_EMAIL, email)
    user = rows[0] if rows else None
    stored = (user["password_hash"] if user else None) or _NOBODY
    matches = await asyncio.to_thread(_matches, stored, password)
    if user is None or user["blocked_at"] is not None or not matches:
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


async def authenticate_api_key(on: Connection, key: str) -> Caller:
    """Raises Unauthorized for a key that is forged, expired or deleted."""
    rows = await fetch(on, queries.API_KEY_FOR_SECRET, stored_form(key)) if is_well_formed(key) else []
    if not rows:
        raise Unauthorized("The API key is not valid.")
    return Caller(kind="api_key", id=rows[0]["id"], role=None, scopes=frozenset(rows[0]["scopes"]))


async def get_user(session: AsyncSession, id_: UUID) -> User:
    return await crud.get_live(session, User, id_)


async def create_user(session: AsyncSession, *, email: str, name: str, role: Role, password: str) -> User:
    user = User(email=email, name=name, role=role, password_hash=await asyncio.to_thread(_hasher.hash, password))
    session.add(user)
    await session.flush()
    return user


async def has_admin(on: Connection) -> bool:
    return bool(await fetch(on, queries.ANY_ADMIN))


async def create_api_key(
    session: AsyncSession,
    caller: Caller,
    *,
    name: str,
    scopes: list[str],
    live: bool,
    expires_at: datetime | None,
) -> NewApiKey:
    """Raises Invalid naming the scopes that do not exist or that the caller does not hold."""
    check_scopes(caller, scopes)
    secret = new_api_key(live=live)
    key = ApiKey(
        name=name, prefix=visible_prefix(secret), secret_hash=stored_form(secret), scopes=sorted(set(scopes)),
        created_by=caller.id if caller.kind == "user" else None, expires_at=expires_at,
    )  # fmt: skip
    session.add(key)
    await session.flush()
    return NewApiKey(key, secret)


async def get_api_key(session: AsyncSession, id_: UUID) -> ApiKey:
    return await crud.get_live(session, ApiKey, id_)


async def update_api_key(
    session: AsyncSession, caller: Caller, id_: UUID, data: msgspec.Struct, match: crud.Match
) -> ApiKey:
    """Raises Forbidden for a key that may more than the caller, Invalid for scopes beyond theirs."""
    check_scopes(caller, getattr(data, "scopes", None) or [])
    return await crud.apply(session, await _own_key(session, caller, id_), data, match)


async def rotate_api_key(session: AsyncSession, caller: Caller, id_: UUID) -> NewApiKey:
    """Give the key a new secret; the old one is void at once. Raises Forbidden as `update_api_key`."""
    key = await _own_key(session, caller, id_)
    secret = new_api_key(live=key.prefix.startswith(LIVE))
    key.secret_hash, key.prefix = stored_form(secret), visible_prefix(secret)
    await session.flush()
    return NewApiKey(key, secret)


async def delete_api_key(session: AsyncSession, caller: Caller, id_: UUID, match: crud.Match) -> None:
    """Raises Forbidden as `update_api_key`."""
    await _own_key(session, caller, id_)
    await crud.delete(session, ApiKey, id_, match)


async def list_api_keys(session: AsyncSession, page: Page) -> tuple[list[ApiKey], Pagination]:
    sortable = {"createdAt": ApiKey.created_at, "name": ApiKey.name}
    return await paginate(session, queries.api_keys(), page, sortable=sortable, searched=[ApiKey.name, ApiKey.prefix])


def check_scopes(caller: Caller, scopes: list[str]) -> None:
    known = WILDCARDS | {scope.value for scope in Scope}
    unknown = [scope for scope in scopes if scope not in known]
    if unknown:
        raise Invalid.field("scopes", f"there is no scope {', '.join(unknown)}")
    beyond = [scope for scope in scopes if not caller.may(scope)]
    if beyond:
        raise Invalid.field("scopes", f"you cannot give what you do not hold: {', '.join(beyond)}")


async def _own_key(session: AsyncSession, caller: Caller, id_: UUID) -> ApiKey:
    """Locked. Whoever holds the secret of a key that may more has more: nobody gets at one beyond themselves."""
    key = await crud.get_live(session, ApiKey, id_, lock=True)
    beyond = [scope for scope in key.scopes if not caller.may(scope)]
    if beyond:
        raise Forbidden(f"This key may more than you: {', '.join(beyond)}.")
    return key


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except Argon2Error:
        return False
