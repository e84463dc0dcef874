"""The event types: what each means, the shape of its payload, and an example. Within a type changes only add."""

from collections.abc import Iterator
from typing import Any

import msgspec

from models.kernel.errors import NotFound


class EventType(msgspec.Struct, frozen=True):
    """`name` is `noun.verb` in the past tense; the noun is the type of the resource it is about."""

    name: str
    payload: type[msgspec.Struct]
    description: str
    example: dict[str, Any]

    @property
    def resource(self) -> str:
        return self.name.partition(".")[0]

    def payload_of(self, row: Any) -> msgspec.Struct:
        return msgspec.convert(row, self.payload, from_attributes=True)


class Lifecycle(msgspec.Struct, frozen=True):
    """The three events of a plain resource. What comes back from deletion was `updated`."""

    created: EventType
    updated: EventType
    deleted: EventType


_types: dict[str, EventType] = {}


def event_type(name: str, payload: type[msgspec.Struct], description: str, example: dict[str, Any]) -> EventType:
    """Add a type to the catalogue; the example must fit the payload."""
    if name in _types:
        raise ValueError(f"there are two event types named {name}")
    msgspec.convert(example, payload, strict=False)
    _types[name] = EventType(name, payload, description, example)
    return _types[name]


def lifecycle(noun: str, payload: type[msgspec.Struct], thing: str, example: dict[str, Any]) -> Lifecycle:
    """`noun.created`, `.updated` and `.deleted`; `thing` begins a sentence: `A student`."""
    return Lifecycle(
        created=event_type(f"{noun}.created", payload, f"{thing} was added.", example),
        updated=event_type(f"{noun}.updated", payload, f"{thing} was changed, or restored.", example),
        deleted=event_type(f"{noun}.deleted", payload, f"{thing} was deleted, softly or for good.", example),
    )


def event_type_named(name: str) -> EventType:
    """Raises NotFound."""
    try:
        return _types[name]
    except KeyError:
        raise NotFound(f"There is no event type `{name}`; GET /api/v1/event-types lists them.") from None


def all_event_types() -> Iterator[EventType]:
    return iter(sorted(_types.values(), key=lambda each: each.name))
