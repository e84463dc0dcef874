"""For whom, and from where, what happens now happens: every transaction tells PostgreSQL, for the trail of changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

import msgspec


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """`actor` is an actor's name; `request_id` is that of the request that asked for it, also in its jobs.
    Of what an `erasing` one changes the trail shows only that it changed."""

    actor: str
    request_id: str | None = None
    job_id: UUID | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    erasing: bool = False

    def encoded(self) -> str:
        return msgspec.json.encode(self).decode()


NOBODY = Origin("system")
_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current_origin() -> Origin | None:
    return _current.get()


@contextmanager
def acting(origin: Origin) -> Iterator[None]:
    """Transactions begun meanwhile, in this task and in those it starts, are of this origin."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
