"""Who is calling, found before a route is entered; and the guards by which each route says who may enter."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote_plus

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Guard, Receive, Send
from litestar.types import Scope as ConnectionScope

from api.provider_tokens import ProviderTokens
from models.identity.caller import Caller, TokenHolder
from models.identity.permissions import GUEST, Scope, Verb
from models.identity.provider_tokens import is_signed_by_others
from models.identity.secrets import looks_like_api_key
from models.identity.services.api_keys import authenticate_api_key
from models.identity.services.guests import authenticate_guest
from models.identity.services.job_tokens import authenticate_job_token
from models.identity.services.provider_identities import authenticate_subject
from models.identity.services.sessions import authenticate_token
from models.identity.tokens import Purpose, is_for
from models.identity.values import JOB_TOKEN, NEWCOMER, Provider
from models.kernel.crypto import digest
from models.kernel.errors import Forbidden, Unauthorized
from models.kernel.session import Database
from models.kernel.settings import Settings

CREDENTIAL_HEADERS = {b"authorization", b"x-api-key"}
CREDENTIAL_PARAMETER = b"access_token"  # RFC 6750, section 2.3
CACHE_SECONDS = 1.0
CACHE_ENTRIES = 10_000
AsyncGuard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


class AuthenticationMiddleware(ASGIMiddleware):
    """Sets `scope["user"]` to a Caller, or None without credentials. Bad credentials are refused even where none
    are needed. What was found is believed for a second, so that a block or a deletion takes effect within one.
    """

    scopes = (ScopeType.HTTP,)
    exclude_path_pattern = "^/metrics$"  # has a token of its own

    def __init__(self, settings: Settings, database: Database, provider_tokens: ProviderTokens) -> None:
        self._settings = settings
        self._database = database
        self._provider_tokens = provider_tokens
        self._known: dict[str, tuple[float, Caller]] = {}
        self._lookups: dict[str, asyncio.Task[Caller]] = {}

    async def handle(self, scope: ConnectionScope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        caller = await self.identify(scope)
        if "query_credentials" in scope["state"] and not takes_job_tokens(scope["route_handler"]):
            raise Unauthorized("There is no `access_token` in the query here: send `Authorization: Bearer …`.")
        scope["user"] = caller and caller.on_request(scope["state"]["request_id"])
        await next_app(scope, receive, send)

    async def identify(self, scope: ConnectionScope) -> Caller | None:
        """Who sent the request's credentials; None when there are none. Raises Unauthorized for bad ones.

        Several layers ask; it is looked up for the first.
        """
        state = scope["state"]
        if "identity" not in state:
            try:
                state["identity"] = await self._identify(scope)
            except Exception as error:
                state["identity"] = error
        identity: Caller | Exception | None = state["identity"]
        if isinstance(identity, Exception):
            raise identity
        return identity

    async def _identify(self, scope: ConnectionScope) -> Caller | None:
        credentials = credentials_of(scope)
        if credentials is None:
            return None
        key = digest(credentials)
        until, caller = self._known.get(key, (0.0, None))
        return caller if caller and until > time.monotonic() else await self._look_up_once(key, credentials)

    async def _look_up_once(self, key: str, credentials: str) -> Caller:
        """However many ask for the same credentials at the same moment."""
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = asyncio.create_task(self._look_up(key, credentials))
            lookup.add_done_callback(lambda _: self._lookups.pop(key, None))
        return await asyncio.shield(lookup)

    async def _look_up(self, key: str, credentials: str) -> Caller:
        """Believed from before the look: what ends while it is under way is refused within a second all the same."""
        until = time.monotonic() + CACHE_SECONDS
        caller = await self._authenticate(credentials)
        if len(self._known) >= CACHE_ENTRIES:
            self._known.clear()
        if caller.kind != NEWCOMER:  # who may be somebody in a moment
            self._known[key] = (until, caller)
        return caller

    async def _authenticate(self, credentials: str) -> Caller:
        if looks_like_api_key(credentials):
            return await authenticate_api_key(self._database, credentials)
        if self._settings.clerk_issuer and is_signed_by_others(credentials):
            claims = await self._provider_tokens.verify(Provider.CLERK, credentials)
            return await authenticate_subject(self._database, Provider.CLERK, claims["sub"])
        if is_for(Purpose.GUEST, credentials):
            return await authenticate_guest(self._database, self._settings, credentials)
        if is_for(Purpose.JOB, credentials):
            return await authenticate_job_token(self._database, self._settings, credentials)
        return await authenticate_token(self._database, self._settings, credentials)


def requires(scope: Scope) -> AsyncGuard:
    """Only callers who hold the scope over all rows, by their role or on their key."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        _caller(connection).require(scope)

    guard.access = scope.value  # type: ignore[attr-defined]
    return guard


def reaches(scope: Scope, verb: Verb = Verb.READ) -> AsyncGuard:
    """Also callers who may do this with their own rows: the handler keeps to its `reach`, or to what the caller asked
    for before."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        connection.scope["state"]["reach"] = _caller(connection).require_reach(scope, verb)

    guard.access = scope.value  # type: ignore[attr-defined]
    guard.verb = verb  # type: ignore[attr-defined]
    return guard


_job_readers = reaches(Scope.READ_JOBS)


async def reads_this_job(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Whoever may read jobs; and who holds a token for this one, who is let in as its maker."""
    holder = _caller(connection)
    if isinstance(holder, TokenHolder):
        if connection.path_params["job_id"] != holder.id:
            raise Forbidden("This token opens another job.")
        state = connection.scope["state"]
        state["holder"], connection.scope["user"] = holder, holder.maker.on_request(state["request_id"])
    await _job_readers(connection, handler)


async def _anyone_known(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    if _caller(connection).kind in (GUEST, JOB_TOKEN):
        raise Forbidden("This is for users and API keys.")


async def _people(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    _caller(connection).require_person()


async def arriving(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """People, and those whom a provider knows and who have no account yet."""
    if connection.scope["user"] is None or connection.scope["user"].kind != NEWCOMER:
        await _people(connection, _)


async def _admins(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    if not _caller(connection).is_admin:
        raise Forbidden("This is for administrators.")


async def _anyone(_: ASGIConnection[Any, Any, Any, Any], __: BaseRouteHandler) -> None:
    return None


reads_this_job.access = Scope.READ_JOBS.value  # type: ignore[attr-defined]
reads_this_job.verb = Verb.READ  # type: ignore[attr-defined]
reads_this_job.takes_job_tokens = True  # type: ignore[attr-defined]
_anyone.access = "public"  # type: ignore[attr-defined]
_anyone_known.access = "authenticated"  # type: ignore[attr-defined]
arriving.access = "person"  # type: ignore[attr-defined]
_people.access = "person"  # type: ignore[attr-defined]
_admins.access = "admin"  # type: ignore[attr-defined]
public: Guard = _anyone
authenticated: Guard = _anyone_known
people_only: Guard = _people
admins_only: Guard = _admins


def access_of(handler: BaseRouteHandler) -> list[str]:
    """Who may call the route, as its guards declare: `public`, `authenticated` (users and keys), `person`, `admin` or a
    scope."""
    return [guard.access for guard in handler.resolve_guards() if hasattr(guard, "access")]


def own_verb_of(handler: BaseRouteHandler) -> Verb | None:
    """What those may do with their own rows that the route lets in beside the holders of its scope; None: nothing."""
    return next((guard.verb for guard in handler.resolve_guards() if hasattr(guard, "verb")), None)


def takes_job_tokens(handler: BaseRouteHandler) -> bool:
    """Whether the route lets in who holds a token for the job it is about."""
    return any(hasattr(guard, "takes_job_tokens") for guard in handler.resolve_guards())


def _caller(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    caller = connection.scope["user"]
    if caller is None:
        raise Unauthorized("Send `Authorization: Bearer …` or `X-API-Key`.")
    assert isinstance(caller, Caller)
    if caller.kind == NEWCOMER:
        raise Unauthorized("There is no account for this token's user yet: `POST /users` makes it.")
    return caller


def credentials_of(scope: ConnectionScope) -> str | None:
    """The one token or key that was sent, in whichever header; a job's token, also in the query. Two different ones are
    refused."""
    sent = _taken_from_query(scope) | {
        _credential(name, value.decode("latin-1")) for name, value in scope["headers"] if name in CREDENTIAL_HEADERS
    }
    if len(sent) > 1:
        raise Unauthorized("Send one token or key, not several.")
    return sent.pop() if sent else None


def _credential(header: bytes, value: str) -> str:
    if header == b"x-api-key":
        return value.strip()
    kind, _, text = value.partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise Unauthorized("The Authorization header must be `Bearer <token>`.")
    return text.strip()


def _taken_from_query(scope: ConnectionScope) -> set[str]:
    """Out of it, so that nothing behind us can log it or show it. Raises Unauthorized for what opens more than a job:
    addresses are kept in places where keys have no business."""
    if CREDENTIAL_PARAMETER not in scope["query_string"]:
        return set()
    parts = [part.partition(b"=") for part in scope["query_string"].split(b"&")]
    scope["query_string"] = b"&".join(b"".join(part) for part in parts if part[0] != CREDENTIAL_PARAMETER)
    sent = {unquote_plus(value.decode("latin-1")) for name, _, value in parts if name == CREDENTIAL_PARAMETER}
    if not all(is_for(Purpose.JOB, each) for each in sent):
        raise Unauthorized("`access_token` takes the token of a job (`POST /jobs/{id}/tokens`).")
    if sent:
        scope["state"]["query_credentials"] = True
    return sent
