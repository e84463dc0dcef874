"""What every table shares."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, MetaData, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from models.kernel.ids import new_id
from models.kernel.personal import IMPERSONAL, Personal

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every change of a row leaves a trail (see `models.audit`), unless the table says in `unaudited` why not.

    Of the columns `masked` the trail shows only that they changed: passwords, secrets and what is encrypted. What
    changes by itself all the time (`unnoticed`) leaves no trail alone.

    `encrypted` are the columns sealed by the KeyRing, which a change of keys seals anew. `personal` says what of the
    table is somebody's.
    """

    unaudited: ClassVar[str | None] = None
    masked: ClassVar[frozenset[str]] = frozenset()
    unnoticed: ClassVar[frozenset[str]] = frozenset()
    encrypted: ClassVar[frozenset[str]] = frozenset()
    personal: ClassVar[Personal] = IMPERSONAL

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        str: Text(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """The column holds one of the enumeration's words."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(value.value) for value in values)})", name=column)


class Entity(Base):
    """A row with an identity, times in UTC, and a version that every ORM update raises (the ETag)."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    @declared_attr.directive
    def __mapper_args__(self) -> dict[str, Any]:
        return {"version_id_col": self.version, "eager_defaults": True}


class Resource(Entity):
    """An entity a caller may delete softly and an admin restore: while `deleted_at` is set it is in no list.

    `loads` names relationships without which a row is not whole: `crud` reads them with it.
    """

    __abstract__ = True
    loads: ClassVar[tuple[str, ...]] = ()

    deleted_at: Mapped[datetime | None] = mapped_column(default=None)
