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


_types: dict[str, EventType] = {}


def event_type(name: str, payload: type[msgspec.Struct], description: str, example: dict[str, Any]) -> EventType:
    """Add a type to the catalogue; the example must fit the payload."""
    if name in _types:
        raise ValueError(f"there are two event types named {name}")
    msgspec.convert(example, payload, strict=False)
    _types[name] = EventType(name, payload, description, example)
    return _types[name]


def event_type_named(name: str) -> EventType:
    """Raises NotFound."""
    try:
        return _types[name]
    except KeyError:
        raise NotFound(f"There is no event type `{name}`; GET /api/v1/event-types lists them.") from None


def all_event_types() -> Iterator[EventType]:
    return iter(sorted(_types.values(), key=lambda each: each.name))
