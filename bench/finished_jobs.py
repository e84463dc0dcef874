"""Finished jobs and their attempts by COPY, the fastest way into a table that keeps its indexes."""

import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import asyncpg

OVER_SECONDS, YOUNGEST_SECONDS = 29 * 86_400.0, 3_600.0
OWNERS = 1_000
ROWS = 1_000  # at once
JOB = (
    "id", "kind", "queue", "payload", "status", "priority", "owner", "run_at", "attempt", "max_attempts", "result",
    "created_at", "started_at", "finished_at",
)  # fmt: skip
ATTEMPT = ("job_id", "attempt", "worker", "started_at", "finished_at", "outcome")
Ended = tuple[str, int, float]


async def copy_finished(url: str, numbers: range, of: int) -> None:
    """The jobs of these numbers, of so many that ended one after another over the last days."""
    youngest = time.time() - YOUNGEST_SECONDS
    ended = [_ended(number, youngest - OVER_SECONDS * (1 - number / of)) for number in numbers]
    connection = await asyncpg.connect(url, server_settings={"session_replication_role": "replica"})
    try:
        for table, columns, line in (("jobs", JOB, _job), ("job_attempts", ATTEMPT, _attempt)):
            await connection.copy_to_table(table, source=_pieces(ended, line), columns=columns)
    finally:
        await connection.close()


def _ended(number: int, at: float) -> Ended:
    """Id, number, and when it was asked for; the id is a UUID of version 7 of that moment."""
    id_ = int(at * 1000) << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62)
    return f"{id_:032x}", number, at


async def _pieces(ended: Sequence[Ended], line: Callable[[Ended], str]) -> AsyncIterator[bytes]:
    for start in range(0, len(ended), ROWS):
        yield "".join(map(line, ended[start : start + ROWS])).encode()


def _job(ended: Ended) -> str:
    id_, number, at = ended
    asked, started, finished = _instant(at), _instant(at + 0.01), _instant(at + 0.02)
    return (
        f"{id_}\tbench.noop\tdefault\t{{}}\tsucceeded\t5\towner-{number % OWNERS}\t{asked}\t1\t5\t{{}}"
        f"\t{asked}\t{started}\t{finished}\n"
    )


def _attempt(ended: Ended) -> str:
    id_, _, at = ended
    return f"{id_}\t1\tbench\t{_instant(at + 0.01)}\t{_instant(at + 0.02)}\tsucceeded\n"


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
