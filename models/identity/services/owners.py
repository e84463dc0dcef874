"""What whoever asked for a job may do now: perhaps less than when they asked."""

from typing import Any

from models.identity.caller import Caller
from models.identity.owner_queries import ROLE_OF_USER, SCOPES_OF_KEY
from models.identity.permissions import ROLE_SCOPES, Role
from models.kernel.actor import Actor
from models.kernel.errors import Forbidden
from models.kernel.session import Connection, fetch


async def caller_of(on: Connection, actor: Actor) -> Caller:
    """Raises Forbidden for a user who is gone or blocked, and a key that is gone or expired."""
    role: Role | None = None
    match actor.kind:
        case "system":
            scopes = frozenset({"*"})
        case "user":
            role = Role(await _only(on, ROLE_OF_USER, actor))
            scopes = ROLE_SCOPES[role]
        case "api_key":
            scopes = frozenset(await _only(on, SCOPES_OF_KEY, actor))
        case _:
            scopes = frozenset()
    return Caller(kind=actor.kind, id=actor.id, request_id=actor.request_id, role=role, scopes=scopes)


async def _only(on: Connection, sql: str, actor: Actor) -> Any:
    rows = await fetch(on, sql, actor.id)
    if not rows:
        raise Forbidden("Who asked for this may not any more.")
    return next(iter(rows[0].values()))
