"""What whoever asked for a job may do now: perhaps less than when they asked."""

from collections.abc import Sequence
from typing import Any

from models.identity.caller import Caller
from models.identity.owner_queries import ROLE_OF_USER, SCOPES_OF_KEY
from models.identity.permissions import ROLE_SCOPES, Role
from models.jobs.kinds import JobArgs, JobKind
from models.kernel.actor import SYSTEM, Actor
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


def check_may_ask(caller: Caller, kind: JobKind, args: JobArgs | None = None) -> None:
    """Raises Forbidden where the caller may not submit jobs of the kind, or not with these arguments."""
    if kind.scope is None:
        raise Forbidden(f"Jobs of kind `{kind.name}` are not submitted directly.")
    for scope in (kind.scope, *(args.needs() if args else ())):
        caller.require(scope)


async def refusals(on: Connection, asked: Sequence[tuple[Actor, JobKind, JobArgs]]) -> list[str | None]:
    """Of each job that is asked for in its owner's name, why they may not ask for it at this moment, or None."""
    callers: dict[str, Caller | str] = {}
    for owner in {owner.name: owner for owner, _, _ in asked}.values():
        try:
            callers[owner.name] = await caller_of(on, owner)
        except Forbidden as error:
            callers[owner.name] = error.detail
    return [_refusal(callers[owner.name], kind, args) for owner, kind, args in asked]


def _refusal(caller: Caller | str, kind: JobKind, args: JobArgs) -> str | None:
    if isinstance(caller, str) or caller.kind == SYSTEM.kind:
        return caller if isinstance(caller, str) else None
    try:
        check_may_ask(caller, kind, args)
    except Forbidden as error:
        return error.detail
    return None


async def _only(on: Connection, sql: str, actor: Actor) -> Any:
    rows = await fetch(on, sql, actor.id)
    if not rows:
        raise Forbidden("Who asked for this may not any more.")
    return next(iter(rows[0].values()))
