"""Around every request: its id, its log line, its metrics, and the headers every answer carries."""

import re
import time
from collections.abc import Iterable
from functools import lru_cache

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from models.kernel.ids import new_id
from models.kernel.logs import get_logger

log = get_logger("api")
SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
REQUESTS = Counter("bellwork_http_requests_total", "Answers given", ["method", "route", "status"])
DURATION = Histogram(
    "bellwork_http_request_seconds", "Time from request to the end of the answer", ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
Headers = list[tuple[bytes, bytes]]
ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
]
ONLY_BY_HTTPS = (b"strict-transport-security", b"max-age=31536000")
SWAGGER_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
)
API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
COMMON = {name for name, _ in [*ALWAYS, ONLY_BY_HTTPS, API_POLICY, (b"x-request-id", b"")]}


def observed(app: ASGIApp, *, https: bool) -> ASGIApp:
    """Wrap the whole application, so that answers to unknown paths and to broken middleware are covered too.

    `https` says how callers reach it; TLS ends before us.
    """
    always = [*ALWAYS, ONLY_BY_HTTPS] if https else ALWAYS
    of_api, of_swagger = [*always, API_POLICY], [*always, SWAGGER_POLICY]

    async def observe(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        request_id = scope.setdefault("state", {})["request_id"] = request_id_of(scope)
        started, status = time.perf_counter(), 500

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                common = of_swagger if _is_swagger(scope) else of_api
                message["headers"] = _completed(scope, message["headers"], common)
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await app(scope, receive, observed_send)
        finally:
            _record(scope, status, time.perf_counter() - started)
            structlog.contextvars.reset_contextvars(**bound)

    return observe


def request_id_of(scope: Scope) -> str:
    """The caller's `X-Request-ID` if it is sane, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and SANE_ID.fullmatch(value.decode("latin-1")):
            return value.decode("latin-1")
    return str(new_id())


def _completed(scope: HTTPScope, headers: Iterable[tuple[bytes, bytes]], common: Headers) -> Headers:
    """With what every answer carries, unless this one says otherwise."""
    state = scope["state"]
    given = [*headers, *state["standing"].headers] if "standing" in state else [*headers]
    names = COMMON.intersection([name.lower() for name, _ in given])
    added = [(b"x-request-id", state["request_id"].encode()), *common]
    return [*given, *([header for header in added if header[0] not in names] if names else added)]


def _is_swagger(scope: Scope) -> bool:
    return scope["path"].startswith(("/schema", "/swagger"))


def _record(scope: HTTPScope, status: int, seconds: float) -> None:
    route = scope.get("path_template") or "unmatched"
    requests, duration = _metrics(scope["method"], route, status)
    requests.inc()
    duration.observe(seconds)
    if not route.startswith("/health"):
        log.info("request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1))


@lru_cache(maxsize=4096)
def _metrics(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), DURATION.labels(method, route)
