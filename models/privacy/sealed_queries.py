"""Every statement over what is encrypted, in whatever table."""

from typing import NamedTuple

from sqlalchemy import LargeBinary, Table

from models.kernel.base import Base
from models.kernel.crypto import NAME_LENGTH


class SealedColumn(NamedTuple):
    table: str
    column: str
    binary: bool

    @property
    def key(self) -> str:
        """The name of the key, which the value begins with."""
        if self.binary:
            return f"encode(substring({self.column} FOR {NAME_LENGTH}), 'escape')"
        return f"left({self.column}, {NAME_LENGTH})"


def sealed_columns() -> list[SealedColumn]:
    """Those that the tables declare as `encrypted`."""
    found = []
    for mapper in Base.registry.mappers:
        table = mapper.local_table
        assert isinstance(table, Table)
        for name in mapper.class_.encrypted:
            found.append(SealedColumn(str(table.name), name, isinstance(table.columns[name].type, LargeBinary)))
    return sorted(found)


def count_by_key(sealed: SealedColumn) -> str:
    return f"""
SELECT {sealed.key} AS key, count(*) AS values FROM {sealed.table} WHERE {sealed.column} IS NOT NULL GROUP BY 1
"""


def hold_some(sealed: SealedColumn) -> str:
    """Values under the keys named, held until the transaction ends."""
    return f"""
SELECT ctid::text AS place, {sealed.column} AS value FROM {sealed.table}
WHERE {sealed.column} IS NOT NULL AND {sealed.key} = ANY ($1::text[]) LIMIT $2 FOR UPDATE
"""


def replace(sealed: SealedColumn) -> str:
    type_ = "bytea" if sealed.binary else "text"
    return f"""
UPDATE {sealed.table} SET {sealed.column} = given.value
FROM unnest($1::text[], $2::{type_}[]) AS given (place, value) WHERE {sealed.table}.ctid = given.place::tid
"""
