"""What a key may, and what whoever makes or takes over a key must hold themselves. Pure: a key passes on no more than
it has, in scopes, in time and in pace.
"""

from datetime import datetime

import msgspec

from models.identity.permissions import WILDCARDS, Scope, allows
from models.kernel.errors import Fault

MAX_RATE_LIMIT = 100_000


class KeyTerms(msgspec.Struct, frozen=True):
    """None means without end, and the platform's own rate limit."""

    scopes: frozenset[str]
    live: bool = True
    expires_at: datetime | None = None
    rate_limit_per_minute: int | None = None


def unknown_scopes(wanted: KeyTerms) -> list[Fault]:
    unknown = sorted(wanted.scopes - WILDCARDS - {scope.value for scope in Scope})
    return [Fault("scopes", f"there is no scope {', '.join(unknown)}")] if unknown else []


def excess(holder: KeyTerms, wanted: KeyTerms) -> list[Fault]:
    """By the field of a key in which `wanted` goes beyond what its holder has."""
    faults = []
    if beyond := sorted(scope for scope in wanted.scopes if not allows(holder.scopes, scope)):
        faults.append(Fault("scopes", f"you cannot give what you do not hold: {', '.join(beyond)}"))
    if wanted.live and not holder.live:
        faults.append(Fault("live", "a test key makes test keys only"))
    if holder.expires_at is not None and (wanted.expires_at is None or wanted.expires_at > holder.expires_at):
        faults.append(Fault("expiresAt", f"must not be later than your own key's: {holder.expires_at.isoformat()}"))
    limit = holder.rate_limit_per_minute
    if limit is not None and (wanted.rate_limit_per_minute is None or wanted.rate_limit_per_minute > limit):
        faults.append(Fault("rateLimitPerMinute", f"must not be higher than your own key's: {limit}"))
    return faults
