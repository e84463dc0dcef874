"""Events on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from models.events.catalogue import EventType
from models.events.service import EventRecord
from models.kernel.schema import In, Out


class EventQuery(In):
    after: Annotated[int, Meta(ge=0, le=2**63 - 1, description="the position of the last event you have")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    types: Annotated[str, Meta(max_length=500, description="comma-separated types or globs, such as `meeting.*`")] = ""


class EventOut(Out):
    id: UUID
    type: str
    position: int
    resource_type: str
    resource_id: UUID
    data: msgspec.Raw
    actor: str
    request_id: str | None
    occurred_at: datetime

    @classmethod
    def of(cls, event: EventRecord) -> "EventOut":
        fields = [name for name in cls.__struct_fields__ if name != "data"]
        return EventOut(data=event.payload, **{name: getattr(event, name) for name in fields})


class EventFeed(Out):
    """`nextAfter` is what to ask for next; it is also past what was not asked for, or is not yours to see."""

    data: list[EventOut]
    next_after: int


class EventTypeOut(Out):
    name: str
    description: str
    payload_schema: dict[str, Any]
    example: dict[str, Any]

    @classmethod
    def of(cls, type_: EventType) -> "EventTypeOut":
        schema = msgspec.json.schema(type_.payload)
        return EventTypeOut(
            name=type_.name, description=type_.description, payload_schema=schema, example=type_.example
        )
