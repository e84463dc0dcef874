"""Saying that something happened, in the transaction in which it happens, and reading it back in order."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events import queries
from models.events.catalogue import EventType
from models.kernel.actor import Actor
from models.kernel.errors import Gone
from models.kernel.ids import new_id
from models.kernel.session import Connection, Row, fetch

_encoder = msgspec.json.Encoder(decimal_format="number")


class EventRecord(msgspec.Struct, frozen=True):
    id: UUID
    type: str
    resource_type: str
    resource_id: UUID
    payload: msgspec.Raw
    actor: str
    request_id: str | None
    occurred_at: datetime
    position: int


async def emit(session: AsyncSession, actor: Actor, type_: EventType, id_: UUID, payload: msgspec.Struct) -> UUID:
    """`id_` names the resource the event is about; gives the event's own id."""
    (event_id,) = await emit_many(session, actor, type_, {id_: payload})
    return event_id


async def emit_about(session: AsyncSession, actor: Actor, type_: EventType, row: Any) -> None:
    """The event about a row, with what the type's payload takes from it."""
    await emit(session, actor, type_, row.id, type_.payload_of(row))


async def emit_many(
    session: AsyncSession, actor: Actor, type_: EventType, payloads: Mapping[UUID, msgspec.Struct]
) -> list[UUID]:
    """One event of the type per resource, in one statement; gives the events' ids."""
    if not payloads:
        return []
    ids = [new_id() for _ in payloads]
    await fetch(
        session, queries.INSERT, ids, type_.name, type_.resource, list(payloads),
        [encode(payload) for payload in payloads.values()], actor.name, actor.request_id,
    )  # fmt: skip
    return ids


def encode(payload: msgspec.Struct) -> str:
    return _encoder.encode(payload).decode()


async def publish(session: AsyncSession, limit: int) -> list[EventRecord]:
    """Give positions to events that have none, and return them in order; none while another publisher is at it."""
    if not (await fetch(session, queries.TRY_PUBLISHING))[0]["mine"]:
        return []
    rows = await fetch(session, queries.PUBLISH, limit)
    return sorted((event_record(row) for row in rows), key=lambda event: event.position)


class Feed(msgspec.Struct, frozen=True):
    """`reached` is the position to go on behind: nothing more will come before it."""

    events: list[EventRecord]
    reached: int


async def list_after(
    on: Connection,
    position: int,
    limit: int,
    patterns: Sequence[str] | None = None,
    *,
    without: Sequence[str] = (),
    owner: str | None = None,
) -> Feed:
    """Published events after a position (0: from the oldest that is kept), oldest first; `patterns` are types or globs
    such as `meeting.*`.

    Left out are events about resources of the types `without` and, with an `owner`, about the jobs and files that
    others have asked for. Raises Gone where some of those after the position are forgotten.
    """
    likes = None if patterns is None else [as_like(pattern) for pattern in patterns]
    rows = await fetch(on, queries.AFTER, position, limit, likes, list(without), owner)
    oldest, newest = rows[0]["oldest"] or 1, rows[0]["newest"] or 0
    if 0 < position < oldest - 1:
        raise Gone(
            f"Events up to position {oldest - 1} are forgotten. What they have changed is to be read anew; "
            f"those that are kept come after {oldest - 1}.", oldest_position=oldest,
        )  # fmt: skip
    events = [event_record(row) for row in rows if row["id"] is not None]
    return Feed(events, events[-1].position if len(events) == limit else max(position, newest))


def as_like(pattern: str) -> str:
    """A glob over event types as an SQL LIKE pattern: `meeting.*` becomes `meeting.%`."""
    return pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")


def event_record(row: Row) -> EventRecord:
    fields: dict[str, Any] = {name: row[name] for name in EventRecord.__struct_fields__}
    return EventRecord(**{**fields, "payload": msgspec.Raw(fields["payload"].encode())})
