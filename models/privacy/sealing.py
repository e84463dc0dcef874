"""Changing the keys of what is encrypted. What a new key seals, processes with the old ring cannot open: see
docs/deploying.md for the order of things.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.kernel.crypto import KeyRing
from models.kernel.session import Connection, fetch
from models.privacy import sealed_queries
from models.privacy.sealed_queries import SealedColumn, sealed_columns


class SealedCount(msgspec.Struct, frozen=True):
    """How many values of a column are under which key."""

    table: str
    column: str
    by_key: dict[str, int]

    def under(self, names: Sequence[str]) -> int:
        return sum(count for name, count in self.by_key.items() if name in names)

    def besides(self, names: Sequence[str]) -> int:
        return sum(count for name, count in self.by_key.items() if name not in names)


async def count_sealed(on: Connection) -> list[SealedCount]:
    counts = []
    for sealed in sealed_columns():
        rows = await fetch(on, sealed_queries.count_by_key(sealed))
        counts.append(SealedCount(sealed.table, sealed.column, {row["key"]: row["values"] for row in rows}))
    return counts


async def reseal_some(session: AsyncSession, keys: KeyRing, sealed: SealedColumn, most: int) -> int:
    """Seal anew, by the newest key, some values that an older key of the ring has sealed; how many there were."""
    rows = await fetch(session, sealed_queries.hold_some(sealed), list(keys.names[1:]), most)
    if rows:
        renewed = [_resealed(keys, row["value"]) for row in rows]
        await fetch(session, sealed_queries.replace(sealed), [row["place"] for row in rows], renewed)
    return len(rows)


def _resealed(keys: KeyRing, value: str | bytes) -> str | bytes:
    if isinstance(value, bytes):
        return keys.encrypt_bytes(keys.decrypt_bytes(value))
    return keys.encrypt(keys.decrypt(value))
