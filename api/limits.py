"""How often callers may ask: every request counts in general, and some routes in a class of their own besides.

A route says so beside its guards: `guards=[requires(Scope.WRITE_MEETINGS), limited(Limit.MAIL)]`.
"""

import time
from enum import StrEnum
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from prometheus_client import Counter

from api.addresses import Addresses, counted_as
from api.auth import AsyncGuard, AuthenticationMiddleware
from api.problems import send_problem
from api.quota import Quota, QuotaAtHand, Standing
from models.identity.caller import Caller, TokenHolder
from models.kernel.errors import RateLimited
from models.kernel.settings import Settings

UNLIMITED = {"/health", "/health/live", "/health/ready", "/metrics"}
SEARCHES = {"search", "q"}
REFUSED = Counter("bellwork_rate_limited_total", "Requests refused for coming too often", ["limit"])
UNCOUNTED = Counter("bellwork_rate_limit_uncounted_total", "Requests let in uncounted: Redis was away", ["limit"])


class Limit(StrEnum):
    """Each has a setting (`BELLWORK_RATE_LIMIT_…`), so many a minute. All are counted by caller, or else by address;
    logins by address alone, whoever sends them, and so is who holds a token for a job: anybody can make any number.
    """

    GENERAL = "general"
    SEARCH = "search"
    MAIL = "mail"
    UPLOAD = "upload"
    LOGIN = "login"


class Limits:
    def __init__(self, settings: Settings, quota: Quota) -> None:
        self._quota = quota
        self._at_hand = QuotaAtHand()
        self._per_minute: dict[Limit, int] = {
            Limit.GENERAL: settings.rate_limit_general, Limit.SEARCH: settings.rate_limit_search,
            Limit.MAIL: settings.rate_limit_mail, Limit.UPLOAD: settings.rate_limit_upload,
            Limit.LOGIN: settings.rate_limit_login,
        }  # fmt: skip

    async def count(self, by: Limit, caller: Caller | None, address: str) -> Standing:
        """A key with a limit of its own has that in general. While Redis is away all are let in, except that logins
        are counted in this process.
        """
        own = caller.rate_limit_per_minute if caller and by is Limit.GENERAL else None
        limit = own or self._per_minute[by]
        counted = None if by is Limit.LOGIN or isinstance(caller, TokenHolder) else caller
        name = f"{by}:{counted.name if counted else counted_as(address)}"
        standing = await self._quota.take(name, limit) or self._without_redis(by, name, limit)
        if not standing.allowed:
            REFUSED.labels(by).inc()
        return standing

    def _without_redis(self, by: Limit, name: str, limit: int) -> Standing:
        now = time.time()
        if by is Limit.LOGIN:
            return self._at_hand.take(name, limit, now)
        UNCOUNTED.labels(by).inc()
        return Standing(True, limit, limit, int(now) + 60)


def limited(by: Limit) -> AsyncGuard:
    """The route counts in this class besides the general one."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        await _take(connection, by)

    guard.limit = by  # type: ignore[attr-defined]
    return guard


async def searching(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """For all routes: a question with `search` (or `q`) is a search."""
    if connection.scope["query_string"] and not SEARCHES.isdisjoint(connection.query_params):
        await _take(connection, Limit.SEARCH)


async def _take(connection: ASGIConnection[Any, Any, Any, Any], by: Limit) -> None:
    limits: Limits = connection.app.state.limits
    state = connection.scope["state"]
    standing = state["standing"] = await limits.count(by, connection.scope["user"], state["address"])
    if not standing.allowed:
        raise too_often(by, standing)


def too_often(by: Limit, standing: Standing) -> RateLimited:
    what = "requests" if by is Limit.GENERAL else f"{by} requests"
    return RateLimited(f"More than {standing.limit} {what} in a minute.", standing.retry_after)


class Entrance:
    """Before any route: whether the host is ours, who calls from where, and whether they have asked too often.

    What is refused goes to `refused`, which stands within CORS, so that a page may read why; all else to `app`.
    """

    def __init__(
        self, app: ASGIApp, refused: ASGIApp, addresses: Addresses, authentication: AuthenticationMiddleware,
        limits: Limits,
    ) -> None:  # fmt: skip
        self._app = app
        self._refused = refused
        self._addresses = addresses
        self._authentication = authentication
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            scope["state"]["address"] = self._addresses.caller_of(scope)
            if not _is_unlimited(scope) and (refusal := await self._refusal(scope)):
                scope["state"]["refusal"] = refusal
                await self._refused(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refusal(self, scope: HTTPScope) -> Exception | None:
        if fault := self._addresses.check_host(scope):
            return fault
        try:
            caller = await self._authentication.identify(scope)
        except Exception:
            caller = None  # told later, to who has not asked too often
        standing = await self._limits.count(Limit.GENERAL, caller, scope["state"]["address"])
        scope["state"]["standing"] = standing
        return None if standing.allowed else too_often(Limit.GENERAL, standing)


def refusing(app: ASGIApp) -> ASGIApp:
    """Answers what the entrance has refused."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and (refusal := scope["state"].get("refusal")):
            await send_problem(scope, refusal, send)
        else:
            await app(scope, receive, send)

    return refuse


def _is_unlimited(scope: HTTPScope) -> bool:
    """Probes and metrics; and the question of a browser whether it may ask, which carries no credentials."""
    path = scope["path"]
    if not path.startswith("/api/") and path.rstrip("/") in UNLIMITED:
        return True
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )
