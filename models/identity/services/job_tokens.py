"""Tokens that open one job to a browser. They are signed and not stored: at each use their maker is asked for, and what
opens is what the maker may see then."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from models.identity.caller import Caller, TokenHolder
from models.identity.services.owners import caller_of
from models.identity.services.sessions import caller_in
from models.identity.tokens import Purpose, issue_token, read_token
from models.identity.values import JOB_TOKEN
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.errors import Forbidden, Unauthorized
from models.kernel.session import Connection
from models.kernel.settings import Settings

_MAKER = "maker"
_SESSION = "sid"


class JobToken(msgspec.Struct, frozen=True):
    token: str
    expires_at: datetime


def make_job_token(settings: Settings, maker: Caller, job_id: UUID, lifetime: timedelta) -> JobToken:
    """For a job that the maker sees. One made in a session ends with it."""
    now = utc_now().replace(microsecond=0)
    claims = {_MAKER: maker.name} | ({_SESSION: str(maker.session_id)} if maker.session_id else {})
    return JobToken(issue_token(settings, Purpose.JOB, job_id, now, lifetime, **claims), now + lifetime)


async def authenticate_job_token(on: Connection, settings: Settings, token: str) -> TokenHolder:
    """Raises Unauthorized for a bad token, and for one whose maker may not call any more."""
    read = read_token(settings, Purpose.JOB, token, _MAKER)
    session_id = read.id_in(_SESSION) if _SESSION in read.claims else None
    return TokenHolder(
        kind=JOB_TOKEN, id=read.subject, role=None, scopes=frozenset(),
        maker=await _caller_now(on, Actor.named(read.claims[_MAKER]), session_id),
        expires_at=datetime.fromtimestamp(read.claims["exp"], UTC),
    )  # fmt: skip


async def renewed(on: Connection, caller: Caller) -> Caller:
    """The caller, or the maker of the token they hold, with the rights of this moment. Raises Unauthorized when there
    are none any more."""
    if not isinstance(caller, TokenHolder):
        return await _caller_now(on, caller, caller.session_id)
    if caller.expires_at <= utc_now():
        raise Unauthorized("The token has expired.")
    return await renewed(on, caller.maker)


async def _caller_now(on: Connection, actor: Actor, session_id: UUID | None) -> Caller:
    try:
        return await (caller_in(on, session_id, actor.id) if session_id and actor.id else caller_of(on, actor))
    except (Forbidden, Unauthorized):
        raise Unauthorized("Who made this token has logged out, or may not call any more.") from None
