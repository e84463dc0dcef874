"""Who is calling: an actor with the scopes they hold."""

from uuid import UUID

import msgspec

from models.identity.permissions import Role, allows
from models.kernel.actor import Actor
from models.kernel.errors import Forbidden


class Caller(Actor, frozen=True, kw_only=True):
    """`role` is None for an API key."""

    kind: str
    id: UUID | None = None
    request_id: str | None = None
    role: Role | None
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return allows(self.scopes, scope)

    def require(self, scope: str) -> None:
        """Raises Forbidden, naming what is missing."""
        if not self.may(scope):
            raise Forbidden(f"This needs the scope `{scope}`.")

    @property
    def is_staff(self) -> bool:
        """Sees what others asked for: jobs, exports."""
        return self.role in (Role.ADMIN, Role.MANAGER) or bool(self.scopes & {"*", "read:*"})

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN or "*" in self.scopes

    def on_request(self, request_id: str) -> "Caller":
        return msgspec.structs.replace(self, request_id=request_id)
