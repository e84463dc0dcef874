"""The moves that every resource shares: look up, guard against a lost update, delete, restore, remove."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from models.kernel.base import Resource
from models.kernel.clock import utc_now
from models.kernel.errors import Fault, Forbidden, Invalid, NotFound, PreconditionFailed
from models.kernel.integrity import still_referenced, thing_named
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.schema import camel, given

R = TypeVar("R", bound=Resource)
Check = Callable[[R], Sequence[Fault]]


class Match(msgspec.Struct, frozen=True):
    """What a write expects to find (`If-Match`): one of these states, which are versions of a row; without any, the
    resource as it is, or nothing at all unless it `exists`."""

    states: frozenset[str] | None = None
    exists: bool = False

    def check(self, row: Resource) -> None:
        """Raises PreconditionFailed when someone else has changed the row since."""
        if not self.allows(str(row.version)):
            raise PreconditionFailed(f"The resource is at version {row.version} now, which is not the expected one.")

    def allows(self, state: str) -> bool:
        return self.states is None or state in self.states


ANY = Match()


def no_faults(_: Resource) -> Sequence[Fault]:
    return ()


async def get_live(
    session: AsyncSession, table: type[R], id_: UUID, *, lock: bool = False, reach: Reach = EVERYTHING
) -> R:
    """`lock` holds the row until the transaction ends. Raises NotFound for one not there, deleted, or out of reach."""
    row = await _find(session, table, id_, lock=lock, reach=reach)
    if row is None or row.deleted_at is not None:
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
            faults.append(Fault(camel(field), f"there is no {thing(table)} {id_}"))
    if faults:
        raise Invalid.of(faults)


async def add(session: AsyncSession, row: R) -> R:
    """Store a new row now, so that constraints speak."""
    session.add(row)
    await session.flush()
    return row


async def apply(
    session: AsyncSession, row: R, data: msgspec.Struct, match: Match = ANY, check: Check[R] = no_faults
) -> R:
    """Write what a PUT or PATCH body gives into the row and flush, so that constraints speak now.

    `check` names what is wrong with the row as it would be: a PATCH alone cannot tell. Raises Invalid for that.
    """
    match.check(row)
    for name, value in given(data).items():
        setattr(row, name, value)
    if faults := check(row):
        raise Invalid.of(faults)
    await session.flush()
    return row


async def update(
    session: AsyncSession,
    table: type[R],
    id_: UUID,
    data: msgspec.Struct,
    match: Match = ANY,
    check: Check[R] = no_faults,
    reach: Reach = EVERYTHING,
) -> R:
    """`apply` to the live row, locked: of two writers the second sees what the first has left.

    Raises NotFound for a row out of reach, and Forbidden when it would be afterwards: nobody gives away what is theirs.
    """
    row = await get_live(session, table, id_, lock=True, reach=reach)
    await apply(session, row, data, match, check)
    if not reach.is_whole and await session.scalar(select(table.id).where(table.id == id_, reach.over(table))) is None:
        raise Forbidden(f"The {thing(table)} would no longer be yours.")
    return row


async def delete(session: AsyncSession, table: type[R], id_: UUID, match: Match = ANY, *, hard: bool = False) -> R:
    """Delete softly or, `hard`, remove the row for good (see `remove`)."""
    if hard:
        return await remove(session, table, id_, match)
    row = await get_live(session, table, id_, lock=True)
    match.check(row)
    row.deleted_at = utc_now()
    await session.flush()
    return row


async def restore(session: AsyncSession, table: type[R], id_: UUID) -> R:
    row = await get_any(session, table, id_)
    row.deleted_at = None
    await session.flush()
    return row


async def remove(session: AsyncSession, table: type[R], id_: UUID, match: Match = ANY) -> R:
    """Remove a row, deleted or not, for good. Raises Conflict naming what still refers to it."""
    row = await get_any(session, table, id_)
    match.check(row)
    await session.delete(row)
    try:
        await session.flush()
    except IntegrityError as error:
        if conflict := still_referenced(error, thing(table), id_):
            raise conflict from error
        raise
    return row


async def get_any(session: AsyncSession, table: type[R], id_: UUID, *, lock: bool = True) -> R:
    """The row, deleted or not. Raises NotFound."""
    row = await _find(session, table, id_, lock=lock)
    if row is None:
        raise NotFound.thing(thing(table), id_)
    return row


async def _find(session: AsyncSession, table: type[R], id_: UUID, *, lock: bool, reach: Reach = EVERYTHING) -> R | None:
    """The weaker of PostgreSQL's row locks for updates: rows that refer to this one may still be written."""
    loads = (joinedload(getattr(table, name), innerjoin=True) for name in table.loads)
    statement = select(table).options(*loads).where(table.id == id_, reach.over(table))
    if lock:
        locking = statement.with_for_update(of=table, key_share=True)
        statement = locking.execution_options(populate_existing=True)
    return await session.scalar(statement)


def thing(table: type[Resource]) -> str:
    """What the caller calls a row of this table: `customer`."""
    return thing_named(str(table.__tablename__))
