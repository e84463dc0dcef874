"""API keys on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from models.identity.key_terms import MAX_RATE_LIMIT
from models.kernel.schema import In, Instant, Name, Out

MAX_OVERLAP_SECONDS = 7 * 24 * 3600
RateLimit = Annotated[int, Meta(ge=1, le=MAX_RATE_LIMIT, description="requests a minute; null: the platform's own")]
Scopes = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=100)]


class ApiKeyIn(In):
    name: Name
    scopes: Scopes
    live: bool = True
    expires_at: Instant | None = None
    rate_limit_per_minute: RateLimit | None = None


class ApiKeyPatch(In):
    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    expires_at: Instant | UnsetType | None = UNSET
    rate_limit_per_minute: RateLimit | UnsetType | None = UNSET


class RotateIn(In):
    """The secret so far opens for `overlapSeconds` more, up to a week; without it, it is void at once."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=MAX_OVERLAP_SECONDS, examples=[86400])] = 0


class PreviousSecretOut(Out):
    """The secret before the last rotation, while it still opens."""

    prefix: str
    expires_at: datetime
    last_used_at: datetime | None


class ApiKeyOut(Out):
    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime | None
    rate_limit_per_minute: int | None
    last_used_at: datetime | None
    previous: PreviousSecretOut | None
    created_by: UUID | None
    created_at: datetime
    version: int


class NewApiKeyOut(Out):
    """`secret` is shown this once."""

    secret: str
    key: ApiKeyOut


class ScopeOut(Out):
    name: str
    description: str
