"""The demo's hand: the public HTTP API, and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx

from cli.demo.stage import Bar, DemoError

FINISHED = ("succeeded", "failed", "cancelled")
AT_ONCE = 8
_TRIES = 5
_WAIT_SECONDS = 90.0
_LOOK_SECONDS = 0.1
T = TypeVar("T")
Json = dict[str, Any]


class ApiError(DemoError):
    """The API's answer is not the one expected."""

    def __init__(self, answer: httpx.Response) -> None:
        request = answer.request
        super().__init__(f"{request.method} {request.url} answered {answer.status_code}: {answer.text[:2000]}")


class Api:
    """Paths are below `/api/v1`. Amounts are Decimals in both directions."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(
            base_url=f"{url}/api/v1", timeout=httpx.Timeout(60, connect=5), trust_env=False,
            limits=httpx.Limits(max_connections=32),
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def log_in(self, email: str, password: str) -> None:
        login = await self.post("/auth/login", {"email": email, "password": password}, expect=200)
        self._http.headers["Authorization"] = f"Bearer {login['accessToken']}"

    async def get(self, path: str, **query: Any) -> Any:
        return _read(await self._send("GET", path, params=query), 200)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, expect: int = 201) -> Any:
        return _read(await self.send_post(path, body, key=key), expect)

    async def patch(self, path: str, body: Json) -> Any:
        return _read(await self._send("PATCH", path, content=_encode(body)), 200)

    async def delete(self, path: str) -> None:
        _read(await self._send("DELETE", path), 204)

    async def send_post(self, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        """With `key` the request may be sent any number of times and is carried out once."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._send("POST", path, content=_encode(body), headers=headers)

    async def start(self, path: str, body: Any = None, *, key: str | None = None) -> Json:
        """Ask for work: the accepted job."""
        job: Json = await self.post(path, body, key=key, expect=202)
        return job

    async def pages(self, path: str, **query: Any) -> AsyncIterator[Json]:
        """Every row of a list, page by page with the cursor."""
        cursor: Json = {}
        while True:
            page = await self.get(path, limit=100, sortOrder="asc", **query, **cursor)
            for row in page["data"]:
                yield row
            if not page["pagination"]["hasMore"]:
                return
            cursor = {"cursor": page["pagination"]["nextCursor"]}

    async def total(self, path: str, **query: Any) -> int:
        return int((await self.get(path, limit=1, **query))["pagination"]["total"])

    async def events(self, after: int, types: str = "") -> AsyncIterator[Json]:
        """The feed of events after a position, to its present end."""
        while True:
            page = await self.get("/events", after=after, limit=1000, types=types)
            for event in page["data"]:
                yield event
            if not page["data"]:
                return
            after = page["nextAfter"]

    async def settled_events(self, after: int, types: str = "") -> AsyncIterator[Json]:
        """The feed after a position, with everything that has been committed before this call.

        An event gets its place in the feed a moment after its commit, in the order of its id, which grows with time:
        once one that is made now has a place, so has all that was there before it.
        """
        await self._settle(after)
        async for event in self.events(after, types):
            yield event

    async def _settle(self, after: int) -> None:
        """The event is the end of a job that is not to run."""
        body = {"kind": "cycles.sync_progress", "payload": {"cycleId": str(uuid4())}, "runAt": "2099-01-01T00:00:00Z"}
        job = await self.start("/jobs", body)
        await self.post(f"/jobs/{job['id']}/cancel", expect=200)
        async with time_limit(_WAIT_SECONDS, "what has happened is not in the feed of events"):
            while True:
                async for event in self.events(after, "job.cancelled"):
                    after = event["position"]
                    if event["resourceId"] == job["id"]:
                        return
                await asyncio.sleep(_LOOK_SECONDS)

    async def follow(self, job: Json, bar: Bar) -> Json:
        """The job at its end, its progress shown from the stream of server-sent events."""
        seen: dict[str, str] = {}
        while True:
            try:
                async for name, id_, state in self._stream(job["id"], seen):
                    seen["Last-Event-ID"] = id_
                    if name != "log" and state["progress"]:
                        bar.to(state["progress"]["current"], state["progress"]["total"])
                    if name == "end":
                        return state
            except httpx.TransportError:
                await asyncio.sleep(0.5)

    async def finish(self, job: Json, *, within: float = _WAIT_SECONDS) -> Json:
        """The job at its end, by asking with `Prefer: wait`."""
        async with time_limit(within, f"job {job['id']} ({job['kind']}) has not ended"):
            while job["status"] not in FINISHED:
                job = _read(await self._send("GET", f"/jobs/{job['id']}", headers={"Prefer": "wait=10"}), 200)
        return job

    async def succeed(self, job: Json) -> Json:
        """The finished job. Raises DemoError when it has not succeeded."""
        job = await self.finish(job)
        if job["status"] != "succeeded":
            raise DemoError(f"job {job['id']} ({job['kind']}) has {job['status']}: {job['error']}")
        return job

    async def download(self, path: str, target: Path) -> int:
        """Returns its size in bytes."""
        async with self._http.stream("GET", path) as answer:
            if answer.status_code != 200:
                await answer.aread()
                raise ApiError(answer)
            size = 0
            with target.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    size += file.write(chunk)
        return size

    async def openapi(self) -> Any:
        return _read(await self._http.get(f"{self.url}/schema/openapi.json"), 200)

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """An API that is busy or away for a moment is asked again; one that went away while it answered, only for what
        done twice is done once.
        """
        headers = {"Content-Type": "application/json", **kwargs.pop("headers", {})}
        repeatable = method in ("GET", "PATCH") or "Idempotency-Key" in headers
        for left in reversed(range(_TRIES)):
            try:
                answer = await self._http.request(method, path, headers=headers, **kwargs)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                if not left or not (repeatable or isinstance(error, httpx.ConnectError)):
                    raise DemoError(f"{method} {path}: the API cannot be reached: {error}") from error
                await asyncio.sleep(1)
                continue
            if answer.status_code not in (429, 503) or not left:
                return answer
            await asyncio.sleep(min(float(answer.headers.get("Retry-After", "1")), 10))
        raise AssertionError("unreachable")

    async def _stream(self, job_id: str, headers: dict[str, str]) -> AsyncIterator[tuple[str, str, Json]]:
        path = f"/jobs/{job_id}/events"
        async with self._http.stream("GET", path, headers={"Accept": "text/event-stream", **headers}) as answer:
            if answer.status_code != 200:
                await answer.aread()
                raise ApiError(answer)
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(":")
                if line:
                    event[name] = value.strip()
                elif "data" in event:
                    yield event["event"], event["id"], _decode(event["data"])
                    event = {}


@asynccontextmanager
async def time_limit(seconds: float, message: str) -> AsyncIterator[None]:
    """Raises DemoError with the message when the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise DemoError(f"{message} within {seconds:g} s") from None


async def in_parallel(items: Iterable[T], work: Callable[[T], Awaitable[None]], bar: Bar) -> None:
    """Do the work for each item, a few at once. The first error ends it."""
    left = iter(items)

    async def hand() -> None:
        for item in left:
            await work(item)
            bar.advance()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(hand())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _read(answer: httpx.Response, expected: int) -> Any:
    if answer.status_code != expected:
        raise ApiError(answer)
    return _decode(answer.text) if answer.content else None


def _encode(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body, default=str).encode()


def _decode(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)
