"""Visitors' sessions on the wire."""

from datetime import datetime
from uuid import UUID

from models.kernel.schema import Out


class GuestSessionOut(Out):
    id: UUID
    expires_at: datetime
    created_at: datetime
    version: int


class OpenedGuestSessionOut(Out):
    """`token` is a bearer token for what visitors may do, shown this once; `expiresIn` is in seconds."""

    token: str
    token_type: str
    expires_in: int
    session: GuestSessionOut
