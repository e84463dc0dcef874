"""One transaction per request, committed before the first byte of the answer; and the replay of keyed requests.

The commit stands between the handler's answer and its sending: an answer that says `201` is only sent once the
commit has succeeded, and the record of an Idempotency-Key, which holds that very answer, is part of the commit.
"""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import send_problem
from models.kernel.crypto import KeyRing
from models.kernel.errors import Invalid
from models.kernel.origin import Origin, acting
from models.kernel.session import Database
from models.kernel.signals import Nudger
from models.kernel.validation import check_storable
from models.requests.service import Answer, find_answer, keep_answer

SAFE = {"GET", "HEAD", "OPTIONS"}
MAX_KEY_LENGTH = 200
REPLAYED = (b"idempotency-replayed", b"true")
MAX_AGENT_LENGTH = 300
UNSTORED_HEADERS = {b"x-request-id", b"date"}


Headers = list[tuple[bytes, bytes]]
Keep = Callable[[int, Headers, bytes], Awaitable[None]]


class Unit:
    """The request's transaction; it opens with its first statement. With an Idempotency-Key it has a `keep`, which
    stores the answer in it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack: contextlib.AsyncExitStack | None = None
        self._session: AsyncSession | None = None
        self.keep: Keep | None = None

    async def session(self) -> AsyncSession:
        if self._session is None:
            self._stack = contextlib.AsyncExitStack()
            self._session = await self._stack.enter_async_context(self._database.transaction())
        return self._session

    async def commit(self) -> None:
        """Raises when the commit fails; everything is then rolled back."""
        await self._leave()

    async def commit_ahead(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Commit while the answer is waited for: of a request with an Idempotency-Key a repetition gets this one."""
        if self.keep is not None:
            described = {"content-type": "application/json", "content-length": str(len(body)), **headers}
            await self.keep(status, [(name.lower().encode(), each.encode()) for name, each in described.items()], body)
        await self._leave()

    async def _leave(self) -> None:
        if stack := self._close():
            await stack.aclose()

    async def roll_back(self) -> None:
        if stack := self._close():
            with contextlib.suppress(_RolledBack):
                await stack.__aexit__(_RolledBack, _RolledBack(), None)

    def _close(self) -> contextlib.AsyncExitStack | None:
        stack, self._stack, self._session = self._stack, None, None
        return stack


class _RolledBack(Exception):
    pass


class TransactionMiddleware(ASGIMiddleware):
    scopes = (ScopeType.HTTP,)

    def __init__(self, database: Database, nudger: Nudger, keys: KeyRing, body_limit: int) -> None:
        self._database = database
        self._nudger = nudger
        self._keys = keys
        self._body_limit = body_limit

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        assert scope["type"] == ScopeType.HTTP
        unit = scope["state"]["unit"] = Unit(self._database)
        answering = _Answering(scope, send, unit, self._keys)
        try:
            if scope["method"] in SAFE:
                await next_app(scope, receive, answering.send)
                return
            receive = await self._take_body(scope, receive)
            with acting(_origin_of(scope)):
                if await answering.replay():
                    return
                await next_app(scope, receive, answering.send)
        finally:
            await unit.roll_back()
        self._nudger.nudge()

    async def _take_body(self, scope: Scope, receive: Receive) -> Receive:
        """Read the whole body (problems and fingerprints need it) and hand it on. Raises 413 when it is too long."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise HTTPException("The caller went away.", status_code=400)
            body += message.get("body", b"")
            if len(body) > self._body_limit:
                raise HTTPException(f"The body is longer than {self._body_limit} bytes.", status_code=413)
            more = message.get("more_body", False)
        check_storable(body)
        scope["state"]["raw_body"] = body
        given = False

        async def hand_on() -> Any:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return hand_on


class _Answering:
    """Holds the answer back until the transaction is settled."""

    def __init__(self, scope: HTTPScope, send: Send, unit: Unit, keys: KeyRing) -> None:
        self._scope = scope
        self._send = send
        self._unit = unit
        self._keys = keys
        self._start: Message | None = None
        self._body: list[bytes] = []
        self._settled = False
        self._broken = False
        self._kept = False
        self._key = self._fingerprint = ""

    async def replay(self) -> bool:
        """Whether the request was a repetition and has been answered as the first time."""
        key = _header(self._scope, b"idempotency-key")
        caller = self._scope.get("user")
        if key is None or caller is None:
            return False
        if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isprintable():
            raise Invalid.field("Idempotency-Key", f"must have 1 to {MAX_KEY_LENGTH} printable characters")
        self._key, self._fingerprint, self._unit.keep = key, _fingerprint(self._scope), self._keep
        session = await self._unit.session()
        first = await find_answer(session, self._keys, caller.name, key, self._fingerprint)
        if first is None:
            return False
        headers = [*first.headers, REPLAYED]
        await self._send({"type": "http.response.start", "status": first.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": first.body, "more_body": False})
        return True

    async def send(self, message: Message) -> None:
        if self._broken:
            return
        if self._settled:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body.append(message["body"])
            if self._key and message["more_body"]:
                return
            await self._settle(message["more_body"])

    async def _settle(self, more: bool) -> None:
        assert self._start is not None
        assert self._start["type"] == "http.response.start"
        body = b"".join(self._body)
        try:
            await self._end_transaction(self._start["status"], list(self._start["headers"]), body)
        except Exception as error:
            await self._unit.roll_back()
            self._broken = True
            await send_problem(self._scope, error, self._send)
            return
        self._settled = True
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _end_transaction(self, status: int, headers: Headers, body: bytes) -> None:
        if status >= 400:
            await self._unit.roll_back()
            return
        if self._key and not self._kept:
            await self._keep(status, headers, body)
        await self._unit.commit()

    async def _keep(self, status: int, headers: Headers, body: bytes) -> None:
        stored = [(name, value) for name, value in headers if name.lower() not in UNSTORED_HEADERS]
        session, caller = await self._unit.session(), self._scope["user"].name
        await keep_answer(session, self._keys, caller, self._key, self._fingerprint, Answer(status, stored, body))
        self._kept = True


def _origin_of(scope: HTTPScope) -> Origin:
    """Whom the trail of changes names. (What only reads changes nothing, and saves the statement that it takes.)"""
    caller, agent = scope.get("user"), _header(scope, b"user-agent")
    return Origin(
        actor=caller.name if caller else "anonymous",
        request_id=scope["state"]["request_id"],
        client_ip=scope["state"].get("address"),
        user_agent=agent and "".join(filter(str.isprintable, agent[:MAX_AGENT_LENGTH])),
    )


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)


def _fingerprint(scope: HTTPScope) -> str:
    parts = (
        scope["method"].encode(),
        scope["path"].encode(),
        scope["query_string"],
        scope["state"]["raw_body"],
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
