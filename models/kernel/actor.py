"""Who does something, and on whose request: written into events, jobs and log lines."""

from uuid import UUID

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """`kind` is `user`, `api_key` or `system`; `request_id` follows the work from the request that asked for it."""

    kind: str
    id: UUID | None = None
    request_id: str | None = None

    @property
    def name(self) -> str:
        """As stored: `user:0198…`, `api_key:0198…`, or `system`."""
        return f"{self.kind}:{self.id}" if self.id else self.kind

    @classmethod
    def named(cls, name: str, request_id: str | None = None) -> "Actor":
        kind, _, id_ = name.partition(":")
        return Actor(kind, UUID(id_) if id_ else None, request_id)


SYSTEM = Actor("system")
