"""The moves that every resource shares: look up, guard against a lost update, delete, restore, remove."""

from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.kernel.base import Resource
from models.kernel.clock import utc_now
from models.kernel.errors import Fault, Invalid, NotFound, PreconditionFailed
from models.kernel.schema import given

R = TypeVar("R", bound=Resource)


class Match(msgspec.Struct, frozen=True):
    """The version a write expects (`If-Match`); None when the caller does not care."""

    version: int | None = None

    def check(self, row: Resource) -> None:
        """Raises PreconditionFailed when someone else has changed the row since."""
        if self.version is not None and row.version != self.version:
            raise PreconditionFailed(f"The resource is at version {row.version}, not {self.version}.")


ANY = Match()


async def get_live(session: AsyncSession, table: type[R], id_: UUID, *, lock: bool = False) -> R:
    """Raises NotFound for a row that is not there or deleted."""
    statement = select(table).where(table.id == id_, table.deleted_at.is_(None))
    row = await session.scalar(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound.thing(thing(table), id_)
    return row


async def check_references(session: AsyncSession, **references: tuple[type[Resource], UUID | Any | None]) -> None:
    """Every reference of an input names a live row.

    Raises Invalid naming all that do not; a keyword is the field's Python name, None and UNSET pass.
    """
    faults = []
    for field, (table, id_) in references.items():
        if id_ is None or id_ is msgspec.UNSET:
            continue
        if await session.scalar(select(table.id).where(table.id == id_, table.deleted_at.is_(None))) is None:
            faults.append(Fault(_camel(field), f"there is no {thing(table)} {id_}"))
    if faults:
        raise Invalid.of(faults)


async def apply(session: AsyncSession, row: R, data: msgspec.Struct, match: Match = ANY) -> R:
    """Write what a PUT or PATCH body gives into the row and flush, so that constraints speak now."""
    match.check(row)
    for name, value in given(data).items():
        setattr(row, name, value)
    await session.flush()
    return row


async def delete(session: AsyncSession, table: type[R], id_: UUID, match: Match = ANY) -> R:
    row = await get_live(session, table, id_)
    match.check(row)
    row.deleted_at = utc_now()
    await session.flush()
    return row


async def restore(session: AsyncSession, table: type[R], id_: UUID) -> R:
    row = await session.get(table, id_)
    if row is None:
        raise NotFound.thing(thing(table), id_)
    row.deleted_at = None
    await session.flush()
    return row


async def remove(session: AsyncSession, table: type[R], id_: UUID) -> R:
    """Remove for good; what refers to the row makes this a conflict."""
    row = await session.get(table, id_)
    if row is None:
        raise NotFound.thing(thing(table), id_)
    await session.delete(row)
    await session.flush()
    return row


def thing(table: type[Resource]) -> str:
    """What the caller calls a row of this table: `customer`."""
    return str(table.__tablename__).removesuffix("s").replace("_", " ").replace("branche", "branch")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
