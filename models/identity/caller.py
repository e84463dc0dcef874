"""Who is calling: an actor with the scopes they hold."""

from datetime import datetime
from uuid import UUID

import msgspec

from models.identity.permissions import (
    GUEST,
    Role,
    Verb,
    allows,
    hidden_from,
    permission_of,
    resource_of,
    verbs_of,
)
from models.kernel.actor import Actor
from models.kernel.errors import Forbidden
from models.kernel.reach import EVERYTHING, NOTHING, Reach


class Caller(Actor, frozen=True, kw_only=True):
    """`kind` is `user`, `api_key`, `guest` or `system`; `role` is a user's. `scopes` are held over all rows: what a
    role has over its own is in the matrix."""

    kind: str
    id: UUID | None = None
    request_id: str | None = None
    role: Role | None
    scopes: frozenset[str]
    rate_limit_per_minute: int | None = None
    session_id: UUID | None = None

    @property
    def party(self) -> str | None:
        """The column of the matrix; None for those who go by scopes alone."""
        return GUEST if self.kind == GUEST else self.role

    def may(self, scope: str) -> bool:
        """With every row."""
        return allows(self.scopes, scope)

    def require(self, scope: str) -> None:
        """Raises Forbidden, naming what is missing."""
        if not self.may(scope):
            raise _missing(scope)

    def reach(self, scope: str, verb: Verb = Verb.READ) -> Reach:
        """Which rows of the scope's resource this is allowed with."""
        resource = resource_of(scope)
        permission = permission_of(self.party, resource)
        if self.may(scope) or verb in permission.all:
            return EVERYTHING
        if self.party is None or verb not in permission.own:
            return NOTHING
        return Reach(self.party, self.id, verb != Verb.READ, hidden_from(self.party, resource))

    def require_some(self, scope: str) -> None:
        """Raises Forbidden where nothing that the scope stands for is allowed with any row."""
        permission = permission_of(self.party, resource_of(scope))
        if not (self.may(scope) or verbs_of(scope) & (permission.all | permission.own)):
            raise _missing(scope)

    def require_reach(self, scope: str, verb: Verb = Verb.READ) -> Reach:
        """As `reach`. Raises Forbidden where it is nothing at all."""
        reach = self.reach(scope, verb)
        if reach == NOTHING:
            raise _missing(scope)
        return reach

    def require_person(self) -> UUID:
        """The user's id. Raises Forbidden for what is no user: a key, a visitor."""
        if self.kind != "user" or self.id is None:
            raise Forbidden("This is for people who have logged in.")
        return self.id

    @property
    def is_staff(self) -> bool:
        """Sees what others asked for: jobs, exports."""
        return self.role in (Role.ADMIN, Role.MANAGER) or bool(self.scopes & {"*", "read:*"})

    @property
    def visible_owner(self) -> str | None:
        """Whose jobs, schedules and exports the caller sees; None for everybody's."""
        return None if self.is_staff else self.name

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN or "*" in self.scopes

    def on_request(self, request_id: str) -> "Caller":
        return msgspec.structs.replace(self, request_id=request_id)


class TokenHolder(Caller, frozen=True, kw_only=True):
    """Who holds a token for one job, whose id is theirs: without role or scope, they may nothing. What the token opens
    is opened as to its maker, by the guard that takes such tokens."""

    maker: Caller
    expires_at: datetime


def _missing(scope: str) -> Forbidden:
    return Forbidden(f"This needs the scope `{scope}`.")
