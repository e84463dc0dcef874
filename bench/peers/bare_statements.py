"""The least that can be done on the same server: one statement on asyncpg, without a queue or a framework around it.

As an ASGI application it stores and reads jobs; `python -m bench.peers.bare_statements half` claims and closes the jobs
of one half, one after another, once told to on standard input.
"""

import asyncio
import os
import sys
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from uuid_utils.compat import uuid7

# The fields of a job that is claimed in this file carry a queue no scheduler looks at.
INSERT = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
VALUES ($1, 'bench.noop', 'bare', $2::text::jsonb, 'queued', 5, 'system', clock_timestamp(), 5)
RETURNING id, status
"""
SELECT = "SELECT status, result FROM jobs WHERE id = $1"
FILL = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
SELECT gen_random_uuid(), 'bench.noop', 'bare-' || $1::text, '{}', 'queued', 5, 'system', clock_timestamp(), 5
FROM generate_series(1, $2)
"""
CLAIM = """
UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_until = clock_timestamp() + interval '15 seconds'
WHERE id = $1 AND status = 'queued'
RETURNING id, attempt, payload
"""
CLOSE = """
UPDATE jobs SET status = 'succeeded', lease_until = NULL, finished_at = clock_timestamp(), result = '{}'
WHERE id = $1 AND attempt = $2 AND status = 'running'
"""
_pool: Any = None


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if scope["method"] == "POST":
        status, body = 202, await _insert((await receive())["body"])
    elif scope["path"] == "/":
        status, body = 200, b"{}"
    else:
        status, body = 200, await _select(UUID(scope["path"].rpartition("/")[2]))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _insert(payload: bytes) -> bytes:
    row = await _pool.fetchrow(INSERT, uuid7(), payload.decode())
    return f'{{"id":"{row["id"]}","status":"{row["status"]}"}}'.encode()


async def _select(id_: UUID) -> bytes:
    row = await _pool.fetchrow(SELECT, id_)
    return f'{{"id":"{id_}","status":"{row["status"]}","result":{row["result"] or "null"}}}'.encode()


async def _no_reset(_: Any) -> None:
    """Nothing a statement leaves needs one, and it would cost a second round trip."""


async def _live(receive: Any, send: Any) -> None:
    global _pool
    await receive()
    _pool = await asyncpg.create_pool(os.environ["BELLWORK_DATABASE_URL"], min_size=10, max_size=10, reset=_no_reset)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _claim_and_close(half: str) -> None:
    connection = await asyncpg.connect(os.environ["BELLWORK_DATABASE_URL"])
    rows = await connection.fetch("SELECT id FROM jobs WHERE queue = $1", f"bare-{half}")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for row in rows:
        claimed = await connection.fetchrow(CLAIM, row["id"])
        await connection.execute(CLOSE, row["id"], claimed["attempt"])
    await connection.close()


if __name__ == "__main__":
    uvloop.run(_claim_and_close(sys.argv[1]))
