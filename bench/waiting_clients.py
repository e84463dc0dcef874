"""1,000 open streams and 1,000 held requests (`Prefer: wait=30`), each for one of 2,000 jobs that end one by one.

The figure is the time from a job's `finished_at` to the client's last byte, by the machine's one clock. Recorded beside
it: how many clients were not told, and the connections that listen: one for each API process and scheduler.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from bench.harness import Contenders, Figure, Stage
from bench.load import quantiles_in_ms, request
from models.kernel.ids import new_id

CLIENTS = 1_000  # of each sort
FIRST_SECONDS, OVER_SECONDS = 6.0, 16.0
PATIENCE_SECONDS = 29.0

SCHEDULE = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
SELECT id, 'bench.noop_in_batches', 'bulk', '{}', 'scheduled', 5, 'system',
       clock_timestamp() + make_interval(secs => $2::float8 + number * $3::float8), 5
FROM unnest($1::uuid[]) WITH ORDINALITY AS given (id, number)
"""
ENDED = "SELECT id, extract(epoch FROM finished_at)::float8 AS at FROM jobs WHERE finished_at IS NOT NULL"
# Who listens has no name, and asks for a sign of life now and then.
LISTENING = """
SELECT count(*) AS connections FROM pg_stat_activity
WHERE backend_type = 'client backend' AND application_name = '' AND query ~* '^(LISTEN|SELECT 1)'
"""


@contextlib.contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    with stage.processes("web", "scheduler", "worker-bulk"):
        yield Contenders(partial(_wait_for_all, stage, stage.api_key()))


def _wait_for_all(stage: Stage, key: str) -> float:
    stage.empty()
    clients = stage.scaled(CLIENTS)
    ids = [new_id() for _ in range(2 * clients)]
    stage.sql(SCHEDULE, ids, FIRST_SECONDS, OVER_SECONDS / len(ids))
    headers = {"x-api-key": key}
    streams = [_stream(stage, id_, headers) for id_ in ids[::2]]
    held = [_held(stage, id_, {**headers, "prefer": "wait=30"}) for id_ in ids[1::2]]
    stage.run(_open_all(stage, [*streams, *held]))
    patience_ended = time.time()
    ended = {row["id"]: row["at"] for row in stage.sql(ENDED) if row["at"] < patience_ended}
    waits = {name: _waits(ended, sort) for name, sort in (("streams", streams), ("held", held))}
    for name, each in waits.items():
        stage.record(**{f"{name} {detail}": value for detail, value in quantiles_in_ms(each).items()})
    stage.record(**{"not told": len(ended) - sum(map(len, waits.values())), "jobs not ended": len(ids) - len(ended)})
    return quantiles_in_ms([wait for each in waits.values() for wait in each])["p95 ms"]


def _stream(stage: Stage, id_: UUID, headers: dict[str, str]) -> "_Waiter":
    return _Waiter(id_, request("GET", f"{stage.api}/api/v1/jobs/{id_}/events", headers=headers), b"event: end")


def _held(stage: Stage, id_: UUID, headers: dict[str, str]) -> "_Waiter":
    return _Waiter(id_, request("GET", f"{stage.api}/api/v1/jobs/{id_}", headers=headers), b'"status":"succeeded"')


def _waits(ended: dict[UUID, float], waiters: Sequence["_Waiter"]) -> list[float]:
    return [waiter.told_at - ended[waiter.id] for waiter in waiters if waiter.told_at and waiter.id in ended]


async def _open_all(stage: Stage, waiters: Sequence["_Waiter"]) -> None:
    """Open them all, and wait until each is told, or for as long as a held request may last."""
    loop, parts = asyncio.get_running_loop(), urlsplit(stage.api)
    deadline = loop.time() + PATIENCE_SECONDS
    for waiter in waiters:
        await loop.create_connection(partial(_same, waiter), parts.hostname or "", parts.port or 80)
    listening = await stage.database.fetch(LISTENING)
    stage.record(**{"listening connections": listening[0]["connections"]})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            for waiter in waiters:
                await waiter.done.wait()
    for waiter in waiters:
        waiter.close()


class _Waiter(asyncio.Protocol):
    """One client: sends its request, and notes when what it waits for has come."""

    def __init__(self, id_: UUID, message: bytes, awaited: bytes) -> None:
        self.id = id_
        self.told_at: float | None = None
        self.done = asyncio.Event()
        self._message = message
        self._awaited = awaited
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self.told_at is None and self._awaited in self._received:
            self.told_at = time.time()
            self.done.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _same(waiter: _Waiter) -> _Waiter:
    return waiter


FIGURE = Figure("waiting_clients", "ms to notice (p95)", "", "", contenders, lower_is_better=True)
