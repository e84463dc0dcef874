"""What happens to users."""

from uuid import UUID

from models.events.catalogue import event_type, lifecycle
from models.kernel.schema import Out


class UserState(Out):
    id: UUID
    email: str
    name: str
    phone: str | None
    role: str


_noa = {
    "id": "0198c0de-0000-7000-8000-000000000001", "email": "noa@example.com", "name": "Noa Levi",
    "phone": "+972501234567", "role": "student",
}  # fmt: skip

USER = lifecycle("user", UserState, "A user", _noa)
REGISTERED = event_type("user.registered", UserState, "Someone has registered, and confirmed their address.", _noa)
BLOCKED = event_type("user.blocked", UserState, "A user was blocked; all their sessions have ended.", _noa)
UNBLOCKED = event_type("user.unblocked", UserState, "A user may log in again.", _noa)
