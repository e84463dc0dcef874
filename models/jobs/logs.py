"""Lines of a job's log: what its handler says about it, kept until the job is forgotten.

Their numbers count from 1 through all attempts, in the order in which they can be read: who has read up to a number has
missed nothing before it. Numbers that are missing are of lines that could not be stored.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from models.jobs import log_queries as queries
from models.jobs.records import NOTHING, JobRecord
from models.jobs.rules import LogLevel
from models.kernel.session import Connection, fetch
from models.kernel.storable import storable

MESSAGE_CHARACTERS = 2000
FIELDS_BYTES = 4096
LINES_KEPT = 1000
NO_MORE = f"A job keeps {LINES_KEPT} lines; further ones are only in the log of its workers."
CUT = "…"


class Log(Protocol):
    """Takes a line, and never fails; it is kept also when the work is undone."""

    def __call__(self, message: str, /, level: LogLevel = LogLevel.INFO, **fields: Any) -> None: ...


class NewLine(msgspec.Struct, frozen=True):
    """As PostgreSQL can store it."""

    level: LogLevel
    message: str
    fields: dict[str, Any] | None


class LogLine(msgspec.Struct, frozen=True):
    """`at` is by PostgreSQL's clock, when the line was written by the handler; `fields` is JSON text."""

    number: int
    attempt: int
    at: datetime
    level: LogLevel
    message: str
    fields: msgspec.Raw


class Sent(msgspec.Struct, frozen=True):
    """A line with its place in its attempt (from 1), and its age in seconds."""

    line: NewLine
    place: int
    age: float


def line_of(message: str, level: LogLevel, fields: dict[str, Any]) -> NewLine:
    """What is too long is cut, fields that are too large or no JSON are left out, and the line says so."""
    text = str(message)
    if len(text) > MESSAGE_CHARACTERS:
        text = text[: MESSAGE_CHARACTERS - len(CUT)] + CUT
    return NewLine(LogLevel(level), storable(text), _fields_of(fields) if fields else None)


def _fields_of(fields: dict[str, Any]) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = storable(msgspec.to_builtins(fields, str_keys=True, enc_hook=str))
        size = len(msgspec.json.encode(stored))
    except Exception as error:  # of whatever was given
        return {"fieldsLeftOut": f"They are no JSON ({type(error).__name__})."}
    if size > FIELDS_BYTES:
        return {"fieldsLeftOut": f"They have {size} bytes, and may have {FIELDS_BYTES}."}
    return stored


async def keep_lines(on: Connection, job: JobRecord, lines: Sequence[Sent]) -> None:
    """Add them to the job, if it is still at this attempt; those that were added already are left as they are."""
    fields = [msgspec.json.encode(each.line.fields).decode() if each.line.fields else None for each in lines]
    await fetch(
        on, queries.KEEP, job.id, job.attempt, [each.place for each in lines], [each.age for each in lines],
        [each.line.level.value for each in lines], [each.line.message for each in lines], fields, LINES_KEPT, NO_MORE,
        job.started_at,
    )  # fmt: skip


async def list_lines(
    on: Connection,
    job_id: UUID,
    *,
    after: int = 0,
    limit: int = 100,
    levels: Sequence[LogLevel] | None = None,
    attempt: int | None = None,
) -> list[LogLine]:
    """Those with a number higher than `after`, in order."""
    wanted = [level.value for level in levels] if levels else None
    rows = await fetch(on, queries.AFTER, job_id, after, limit, wanted, attempt)
    return [
        LogLine(
            row["number"], row["attempt"], row["at"], LogLevel(row["level"]), row["message"],
            msgspec.Raw(row["fields"].encode()) if row["fields"] else NOTHING,
        )
        for row in rows
    ]  # fmt: skip


async def count_lines(on: Connection, job_id: UUID) -> int:
    lines: int = (await fetch(on, queries.COUNT, job_id))[0]["lines"]
    return lines
