"""API keys on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from models.kernel.errors import Fault
from models.kernel.schema import In, Name, Out, check_aware

Scopes = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=100)]


class ApiKeyIn(In):
    name: Name
    scopes: Scopes
    live: bool = True
    expires_at: datetime | None = None

    def faults(self) -> list[Fault]:
        return check_aware("expiresAt", self.expires_at) if self.expires_at else []


class ApiKeyPatch(In):
    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET


class ApiKeyOut(Out):
    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime
    version: int


class NewApiKeyOut(Out):
    """`secret` is shown this once."""

    secret: str
    key: ApiKeyOut


class ScopeOut(Out):
    name: str
    description: str
