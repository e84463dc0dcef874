"""Every table, with what it declares about people."""

import msgspec
from sqlalchemy import Date, LargeBinary, String, Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from models.kernel.base import Base
from models.kernel.personal import Personal

TRAIL = ("audit_statements", "audit_entries")
TELLING = (String, JSONB, ARRAY, Date, LargeBinary)


class Holding(msgspec.Struct, frozen=True):
    """`columns` are all of the table; `telling` those of text, JSON or a date, `lists` those of several texts, `unique`
    those by which rows must differ; `secret` what nobody is given."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    telling: frozenset[str]
    json: frozenset[str]
    lists: frozenset[str]
    unique: frozenset[str]
    secret: frozenset[str]
    personal: Personal

    @property
    def has_ids(self) -> bool:
        return self.key == ("id",)

    @property
    def is_trail(self) -> bool:
        """The trail of changes, which only a function of the database changes."""
        return self.table in TRAIL

    @property
    def personal_columns(self) -> frozenset[str]:
        """What is personal in rows that are somebody's, but what may be known of whoever did what."""
        if self.personal.ends:
            return self.telling - self.personal.plain
        return frozenset(self.personal.erased) & self.telling | self.personal.names

    @property
    def undeclared(self) -> frozenset[str]:
        said = self.personal
        declared = said.plain | said.mentions | said.names | frozenset(said.erased) | self.secret
        return frozenset() if said.ends else self.telling - declared

    @property
    def misnamed(self) -> frozenset[str]:
        """What is declared and not there."""
        said = self.personal
        return (said.plain | said.mentions | said.names | frozenset(said.erased) | frozenset(said.shown)) - frozenset(
            self.columns
        )


def holdings() -> list[Holding]:
    return sorted(
        (_holding(mapper.class_, mapper.local_table) for mapper in Base.registry.mappers), key=lambda h: h.table
    )


def _holding(class_: type[Base], table: object) -> Holding:
    assert isinstance(table, Table)
    columns = table.columns
    return Holding(
        table=str(table.name),
        key=tuple(column.name for column in table.primary_key),
        columns=tuple(columns.keys()),
        telling=frozenset(column.name for column in columns if isinstance(column.type, TELLING)),
        json=frozenset(column.name for column in columns if isinstance(column.type, JSONB)),
        lists=frozenset(column.name for column in columns if isinstance(column.type, ARRAY)),
        unique=frozenset(column.name for index in table.indexes if index.unique for column in index.columns),
        secret=class_.masked | class_.encrypted,
        personal=class_.personal,
    )
