"""What meetings earn and cost, written into their rows."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.catalogue import EventType
from models.events.service import emit_many
from models.finance import queries
from models.finance.events import MEETING_LOSS_MAKING, MeetingMoney
from models.finance.jobs import CurrencyTotals, Recalculate, Recalculated
from models.kernel.actor import Actor
from models.kernel.money import ISO_4217, exponent
from models.kernel.session import Row, fetch
from models.kernel.settings import get_settings

CHUNK_MEETINGS = 10_000
Report = Callable[[int, int, str], None]
_DECIMALS = msgspec.json.encode({code: exponent(code) for code in ISO_4217 if exponent(code) != 2}).decode()


class Scope(msgspec.Struct, frozen=True):
    """Meetings of cycles: some of them, or those of local dates (inclusive), or all."""

    cycle_ids: Sequence[UUID]
    meeting_ids: Sequence[UUID] | None = None
    from_: date | None = None
    to: date | None = None


class Sums(msgspec.Struct):
    examined: int = 0
    changed: int = 0
    revenue: Decimal = Decimal(0)
    payment: Decimal = Decimal(0)
    profit: Decimal = Decimal(0)

    def add(self, row: Row) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + row[name])


async def price(session: AsyncSession, actor: Actor, scope: Scope) -> Sequence[Row]:
    """Bring the money of the scope's meetings in line with what it follows from: 0 for all but the completed.

    Gives a row per currency (see Sums). A meeting that is found to make a loss for the first time is announced.
    """
    if not scope.cycle_ids:
        return ()
    vat_rates = msgspec.json.encode(get_settings().vat_rates).decode()
    rows = await fetch(
        session, queries.PRICE, list(scope.cycle_ids), _list(scope.meeting_ids), scope.from_, scope.to, _DECIMALS,
        vat_rates,
    )  # fmt: skip
    losses = [id_ for row in rows for id_ in row["losses"] or ()]
    if losses:
        marked = await fetch(session, queries.MARK_LOSSES, losses)
        await announce(session, actor, MEETING_LOSS_MAKING, [row["id"] for row in marked])
    return rows


async def others_of_day(session: AsyncSession, ids: Sequence[UUID]) -> Scope:
    """The completed meetings that a day's pay goes to when the given ones are no longer completed."""
    rows = await fetch(session, queries.SAME_DAY, list(ids))
    return Scope(list({row["cycle_id"] for row in rows}), [row["id"] for row in rows])


async def recalculate(session: AsyncSession, actor: Actor, order: Recalculate, report: Report) -> Recalculated:
    """In chunks of whole cycles; `report` is called with meetings done, meetings in all, and a sentence."""
    ids = [order.meeting_id] if order.meeting_id else _list(order.meeting_ids)
    counted = await fetch(session, queries.COUNT_BY_CYCLE, ids, order.cycle_id, order.from_, order.to)
    total, done = sum(row["meetings"] for row in counted), 0
    sums: dict[str, Sums] = defaultdict(Sums)
    for cycle_ids in _chunks(counted):
        for row in await price(session, actor, Scope(cycle_ids, ids, order.from_, order.to)):
            sums[row["currency"]].add(row)
            done += row["examined"]
        report(done, total, f"{sum(each.changed for each in sums.values())} meetings changed")
    return Recalculated(
        examined=done,
        changed=sum(each.changed for each in sums.values()),
        totals=[
            CurrencyTotals(currency=currency, revenue=each.revenue, instructor_payment=each.payment, profit=each.profit)
            for currency, each in sorted(sums.items())
        ],
    )


async def announce(session: AsyncSession, actor: Actor, type_: EventType, ids: Sequence[UUID]) -> None:
    """The event about each of the meetings, as they are now."""
    rows = await fetch(session, queries.STATES, list(ids))
    states = {row["id"]: msgspec.convert(dict(row), MeetingMoney) for row in rows}
    await emit_many(session, actor, type_, states)


def _chunks(counted: Sequence[Row]) -> list[list[UUID]]:
    chunks: list[list[UUID]] = []
    size = CHUNK_MEETINGS
    for row in counted:
        if size >= CHUNK_MEETINGS:
            chunks.append([])
            size = 0
        chunks[-1].append(row["cycle_id"])
        size += row["meetings"]
    return chunks


def _list(ids: Sequence[UUID] | None) -> list[UUID] | None:
    return None if ids is None else list(ids)
