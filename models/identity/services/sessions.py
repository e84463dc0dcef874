"""Logins: opened by a password and perhaps a second step, carried on by refresh tokens, ended at any time."""

import secrets
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.audit.rules import Action
from models.audit.service import record
from models.identity import account_queries
from models.identity.caller import Caller
from models.identity.passwords import matches
from models.identity.permissions import ROLE_SCOPES, Role
from models.identity.rules import CODES_PER_ACCOUNT, GUESSES_PER_ACCOUNT, GUESSES_PER_ADDRESS
from models.identity.services import second_factors
from models.identity.services.guesses import count_tries, forgive, guesses_at
from models.identity.tables import LoginSession, User
from models.identity.tokens import Purpose, issue_token, read_token
from models.identity.values import Client
from models.kernel import crud
from models.kernel.clock import utc_now
from models.kernel.crypto import KeyRing, digest, same
from models.kernel.errors import NotFound, Unauthorized
from models.kernel.ids import new_id
from models.kernel.logs import get_logger
from models.kernel.paging import Page, Pagination, paginate
from models.kernel.session import Connection, Database, Row, fetch
from models.kernel.settings import Settings

CHALLENGE_LIFETIME = timedelta(minutes=5)
_WRONG = "The email or the password is wrong."
_PASSWORD = "pwd"
_SESSION = "sid"
log = get_logger(__name__)


class LoggedIn(msgspec.Struct, frozen=True):
    """`expires_in` is the access token's, in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user: User


class Challenge(msgspec.Struct, frozen=True):
    """The password or the provider was right; the token says so in the second step, for `expires_in` seconds."""

    token: str
    expires_in: int


async def log_in(
    session: AsyncSession, database: Database, settings: Settings, email: str, password: str, client: Client
) -> LoggedIn | Challenge:
    """Raises Unauthorized, in the same words and after the same work whatever was wrong; RateLimited."""
    account, address = guesses_at(email), f"login-from:{client.counted_as}"
    await count_tries(database, {account: GUESSES_PER_ACCOUNT, address: GUESSES_PER_ADDRESS})
    user = await _entering(database, account_queries.ENTERING_BY_EMAIL, email)
    right = await matches(user["password_hash"] if user else None, password)
    if user is None or not right or user["blocked_at"] is not None:
        await _record_refusal(database, user["id"] if user else None, "blocked" if user and right else "password")
        raise Unauthorized(_WRONG)
    await forgive(database, wholly=account, once=address)
    if user["has_second"]:
        return _challenge(settings, user)
    return await open_session(session, settings, user["id"], user["password_hash"], client)


async def enter(session: AsyncSession, settings: Settings, user_id: UUID, client: Client) -> LoggedIn | Challenge:
    """For who has shown to a provider who they are. Raises Unauthorized for who is blocked or gone."""
    user = await _entering(session, account_queries.ENTERING_BY_ID, user_id)
    if user is None or user["blocked_at"] is not None:
        raise Unauthorized("This account is blocked or closed.")
    if user["has_second"]:
        return _challenge(settings, user)
    return await open_session(session, settings, user["id"], user["password_hash"], client)


async def take_second_step(
    session: AsyncSession,
    database: Database,
    settings: Settings,
    keys: KeyRing,
    challenge: str,
    code: str,
    client: Client,
) -> LoggedIn:
    """`code` is the authenticator's, or a recovery code. Raises Unauthorized and RateLimited."""
    claims = read_token(settings, Purpose.CHALLENGE, challenge, _PASSWORD)
    tries = second_factors.guesses_at(claims.subject)
    await count_tries(database, {tries: CODES_PER_ACCOUNT})
    user = await _entering(session, account_queries.ENTERING_BY_ID, claims.subject)
    if user is None or not same(claims.claims[_PASSWORD], _fingerprint(user)):
        raise Unauthorized("The challenge token is not valid any more; log in again.")
    try:
        await second_factors.spend(session, keys, user["id"], code)
    except Unauthorized:
        await _record_refusal(database, user["id"], "second step")
        raise
    await forgive(database, wholly=tries)
    return await open_session(session, settings, user["id"], user["password_hash"], client)


async def open_session(
    session: AsyncSession, settings: Settings, user_id: UUID, password_hash: str | None, client: Client
) -> LoggedIn:
    """For who has shown who they are; `password_hash` as it was then. Raises Unauthorized if it is another now, and
    for who is blocked or gone.
    """
    id_, family, secret = new_id(), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    opened = await fetch(
        session, account_queries.OPEN_SESSION, id_, user_id, password_hash, digest(family), digest(secret),
        settings.session_days, client.address, client.user_agent and client.user_agent[:500],
    )  # fmt: skip
    if not opened:
        raise Unauthorized(_WRONG)
    return await _logged_in(session, settings, id_, user_id, f"{family}.{secret}")


async def refresh(session: AsyncSession, database: Database, settings: Settings, token: str) -> LoggedIn:
    """A new pair of tokens. Raises Unauthorized; a token that was used before ends its session."""
    family, _, secret = token.partition(".")
    new = secrets.token_urlsafe(24)
    rows = await fetch(session, account_queries.ROTATE_REFRESH_TOKEN, digest(family), digest(secret), digest(new))
    if not rows:
        await session.rollback()  # who came second to a rotation still holds the row that is to go
        await _end_family(database, family)
        raise Unauthorized("The refresh token is not valid; log in again.")
    return await _logged_in(session, settings, rows[0]["id"], rows[0]["user_id"], f"{family}.{new}")


async def authenticate_token(on: Connection, settings: Settings, token: str) -> Caller:
    """Raises Unauthorized for a bad token, for a session that has ended, and for a user who is gone or blocked."""
    read = read_token(settings, Purpose.ACCESS, token, _SESSION)
    return await caller_in(on, read.id_in(_SESSION), read.subject)


async def caller_in(on: Connection, session_id: UUID, user_id: UUID) -> Caller:
    """Raises Unauthorized when the session has ended, or the user is gone or blocked."""
    rows = await fetch(on, account_queries.SESSION_FOR_TOKEN, session_id, user_id)
    if not rows:
        raise Unauthorized("The access token is not valid.")
    role = Role(rows[0]["role"])
    return Caller(kind="user", id=rows[0]["id"], role=role, scopes=ROLE_SCOPES[role], session_id=session_id)


class SessionPage(Page):
    sortable = {"createdAt": LoginSession.created_at, "refreshedAt": LoginSession.refreshed_at}


async def list_sessions(
    session: AsyncSession, caller: Caller, page: SessionPage
) -> tuple[list[LoginSession], Pagination]:
    return await paginate(session, account_queries.sessions_of(caller.require_person()), page)


async def end_session(session: AsyncSession, caller: Caller, id_: UUID) -> None:
    """Raises NotFound, also for a session of someone else."""
    if not await fetch(session, account_queries.END_SESSION, id_, caller.require_person()):
        raise NotFound.thing("session", id_)


async def log_out(session: AsyncSession, caller: Caller) -> None:
    await fetch(session, account_queries.END_SESSION, caller.session_id, caller.require_person())


async def end_sessions(session: AsyncSession, user_id: UUID, *, but: UUID | None = None) -> None:
    await fetch(session, account_queries.END_SESSIONS, user_id, but)


async def _entering(on: Connection, statement: str, key: UUID | str) -> Row | None:
    rows = await fetch(on, statement, key)
    return rows[0] if rows else None


def _challenge(settings: Settings, user: Row) -> Challenge:
    claims = {_PASSWORD: _fingerprint(user)}
    token = issue_token(settings, Purpose.CHALLENGE, user["id"], utc_now(), CHALLENGE_LIFETIME, **claims)
    return Challenge(token, int(CHALLENGE_LIFETIME.total_seconds()))


def _fingerprint(user: Row) -> str:
    """Of the password that was right: a challenge is void once it has been changed."""
    return digest(user["password_hash"] or "")[:16]


async def _record_refusal(database: Database, user_id: UUID | None, reason: str) -> None:
    """For good, although the request's transaction is taken back; the same work whether there is such a user or not."""
    await record(database, Action.LOGIN_FAILED, "user", user_id or "unknown", new={"reason": reason})


async def _end_family(database: Database, family: str) -> None:
    """At once and for good, although the request is refused and its transaction taken back."""
    for ended in await fetch(database, account_queries.END_FAMILY, digest(family)):
        if ended["live"]:
            await _record_refusal(database, ended["user_id"], "refresh token used again")
            log.warning("refresh_token_reused", session_id=ended["id"], user_id=ended["user_id"])


async def _logged_in(
    session: AsyncSession, settings: Settings, id_: UUID, user_id: UUID, refresh_token: str
) -> LoggedIn:
    lifetime = timedelta(minutes=settings.access_token_minutes)
    token = issue_token(settings, Purpose.ACCESS, user_id, utc_now(), lifetime, **{_SESSION: str(id_)})
    user = await crud.get_live(session, User, user_id)
    return LoggedIn(token, refresh_token, int(lifetime.total_seconds()), user)
