"""A short way for the two requests that come by the thousand: submitting a job, and reading one.

It takes only the plain case, and hands everything else on: credentials that are not good, a header that means something
here, a wrong body, a job that is not there. The routes stay the whole contract; what the short way answers, they would
have answered to the byte.
"""

from typing import Any
from uuid import UUID

import msgspec
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, ReceiveMessage, Scope, Send

from api.auth import AuthenticationMiddleware
from api.jobs.following import etag_of, retry_after_of
from api.jobs.schemas import JobIn, JobOut
from api.jobs.submitting import callback_faults, options_of, submittable
from api.problems import send_problem
from api.resources import encode
from models.identity.caller import Caller
from models.identity.permissions import Scope as AccessScope
from models.jobs import service as jobs
from models.jobs.kinds import JobArgs, JobKind
from models.jobs.service import JobOptions
from models.kernel.errors import DomainError
from models.kernel.validation import check_storable

JOBS = "/api/v1/jobs"
JOB = JOBS + "/"
UUID_LENGTH = 36
BODY_LIMIT = 64 * 1024
MEANINGFUL = {b"prefer", b"idempotency-key", b"if-none-match", b"origin", b"content-encoding", b"expect"}
Headers = list[tuple[bytes, bytes]]
Order = tuple[JobKind, JobArgs, JobOptions]
_decoder = msgspec.json.Decoder(JobIn)


class ExpressLane:
    def __init__(self, app: ASGIApp, state: State, authentication: AuthenticationMiddleware) -> None:
        self._app = app
        self._state = state
        self._authentication = authentication
        self._body_limit = min(BODY_LIMIT, state.settings.body_limit_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not await self._answer(scope, receive, send):
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> bool:
        """Whether the request has been answered."""
        if not scope["path"].startswith(JOBS) or not _is_plain(scope):
            return False
        try:
            caller = await self._authentication.identify(scope)
        except Exception:
            return False
        if caller and scope["method"] == "GET":
            return await self._read(scope, caller, send)
        if caller and scope["method"] == "POST" and scope["path"] == JOBS:
            await self._submit(scope, caller, receive, send)
            return True
        return False

    async def _read(self, scope: HTTPScope, caller: Caller, send: Send) -> bool:
        id_ = _id_in(scope["path"])
        if id_ is None or not caller.may(AccessScope.READ_JOBS):
            return False
        try:
            job = await jobs.get_job(self._state.database, id_, owner=caller.visible_owner)
            body = encode(JobOut.of(job))
            headers = [(b"etag", etag_of(body).encode())]
            if not job.finished:
                headers.append((b"retry-after", (await retry_after_of(self._state, job)).encode()))
        except Exception:
            return False
        scope["path_template"] = JOB + "{job_id}"
        await _send(send, 200, headers, body)
        return True

    async def _submit(self, scope: HTTPScope, caller: Caller, receive: Receive, send: Send) -> None:
        messages, sent = await self._take(receive)
        order = None if sent is None else self._order(caller, sent)
        if order is None:
            await self._app(scope, _again(messages, receive), send)
            return
        scope["path_template"] = JOBS
        try:
            kind, args, options = order
            caller = caller.on_request(scope["state"]["request_id"])
            job = (await jobs.submit(self._state.database, caller, kind, args, options)).job
            body = encode(JobOut.of(job))
            headers = [
                (b"location", f"{JOB}{job.id}".encode()),
                (b"etag", etag_of(body).encode()),
                (b"retry-after", (await retry_after_of(self._state, job)).encode()),
            ]
        except Exception as error:
            # Not handed on: the job may have been stored, and must not be stored twice.
            await send_problem(scope, error, send)
            return
        await _send(send, 202, headers, body)
        self._state.nudger.nudge()

    async def _take(self, receive: Receive) -> tuple[list[ReceiveMessage], bytes | None]:
        """The messages up to the end of the body, and the body; None when it is long, or the caller went away."""
        messages: list[ReceiveMessage] = []
        body = b""
        while len(body) <= self._body_limit:
            message = await receive()
            messages.append(message)
            if message["type"] != "http.request":
                break
            body += message["body"]
            if not message["more_body"]:
                return messages, body
        return messages, None

    def _order(self, caller: Caller, body: bytes) -> Order | None:
        """What is asked for, if nothing is wrong with it."""
        try:
            check_storable(body)
            data = _decoder.decode(body)
            caller.require(AccessScope.WRITE_JOBS)
            kind, args = submittable(caller, data.kind, data.payload)
        except (DomainError, msgspec.MsgspecError, ValueError, RecursionError):
            return None
        if data.dedupe_key is not None or callback_faults(self._state.settings, data.callback_url):
            return None
        return kind, args, options_of(data)


def _is_plain(scope: HTTPScope) -> bool:
    return not scope["query_string"] and all(name not in MEANINGFUL for name, _ in scope["headers"])


def _id_in(path: str) -> UUID | None:
    if len(path) != len(JOB) + UUID_LENGTH:
        return None
    try:
        return UUID(path[len(JOB) :])
    except ValueError:
        return None


def _again(messages: list[ReceiveMessage], receive: Receive) -> Receive:
    """The messages that were taken, then what comes after them."""
    taken = iter(messages)

    async def receive_again() -> Any:
        message = next(taken, None)
        return await receive() if message is None else message

    return receive_again


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    described = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": body, "more_body": False})
