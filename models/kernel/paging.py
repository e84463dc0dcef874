"""Lists: a page by offset or by cursor, sorted and searched by what the resource names."""

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta
from sqlalchemy import BigInteger, ColumnElement, Select, String, and_, cast, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models.kernel.errors import Fault, Invalid
from models.kernel.schema import In, in_calendar

T = TypeVar("T")
MOST_COUNTED = 100_000


AnyOf = Annotated[list[T], Meta(min_length=1, max_length=10, description="any of these; repeated, or with commas")]


class Page(In, kw_only=True):
    """The query of every list. A resource's own filters are further fields."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    offset: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    sort_by: Annotated[str, Meta(max_length=50)] = "createdAt"
    sort_order: Literal["asc", "desc"] = "desc"
    search: Annotated[str, Meta(max_length=200)] | None = None
    q: Annotated[str, Meta(max_length=200, description="alias of `search`")] | None = None

    def faults(self) -> list[Fault]:
        return [Fault("offset", "cannot be combined with `cursor`")] if self.cursor and self.offset else []


class Pagination(msgspec.Struct, rename="camel"):
    """`total` is counted up to 100,000: to count ten million rows would cost more than to find a page of them."""

    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: str | None


class Listing(msgspec.Struct, Generic[T], rename="camel"):
    data: list[T]
    pagination: Pagination


Sortable = Mapping[str, InstrumentedAttribute[Any]]


async def paginate(
    session: AsyncSession,
    statement: Select[T],
    page: Page,
    *,
    sortable: Sortable,
    searched: Sequence[InstrumentedAttribute[Any]] = (),
) -> tuple[list[T], Pagination]:
    """Run `statement` for one page.

    `sortable` maps the names a caller may sort by to columns and must hold `createdAt`; rows that tie are ordered
    by id. Raises Invalid for an unknown sort or a cursor that is not ours.
    """
    column = _sort_column(page, sortable)
    entity_id: InstrumentedAttribute[Any] = column.class_.id
    statement = statement.where(matches(page.search or page.q, searched))
    counted = statement.with_only_columns(entity_id).order_by(None).limit(MOST_COUNTED).subquery()
    total = await session.scalar(select(func.count()).select_from(counted)) or 0
    ascending = page.sort_order == "asc"
    if page.cursor:
        statement = statement.where(_after(page.cursor, column, entity_id, ascending))
    order = (
        [column.asc().nulls_last(), entity_id.asc()] if ascending else [column.desc().nulls_last(), entity_id.desc()]
    )
    rows = list((await session.scalars(statement.order_by(*order).limit(page.limit + 1).offset(page.offset))).unique())
    more, rows = len(rows) > page.limit, rows[: page.limit]
    cursor = _encode_cursor(getattr(rows[-1], column.key), rows[-1].id) if more else None  # type: ignore[attr-defined]
    return rows, Pagination(total, page.limit, page.offset, more, cursor)


def filters(page: Page) -> dict[str, Any]:
    """The resource's own filters that the caller has set, by field name."""
    own = [name for name in page.__struct_fields__ if name not in Page.__struct_fields__]
    values = {name: getattr(page, name) for name in own}
    return {name: value for name, value in values.items() if value is not None and value is not UNSET}


def _sort_column(page: Page, sortable: Sortable) -> InstrumentedAttribute[Any]:
    if page.sort_by not in sortable:
        raise Invalid.field("sortBy", f"must be one of {', '.join(sorted(sortable))}")
    return sortable[page.sort_by]


def matches(text: str | None, columns: Sequence[InstrumentedAttribute[Any]]) -> ColumnElement[bool]:
    """Whether any of the columns holds the text, in any case. Raises Invalid when a list has no such columns."""
    if not text:
        return true()
    if not columns:
        raise Invalid.field("search", "this list cannot be searched")
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return or_(*(cast(column, String).ilike(f"%{escaped}%") for column in columns))


def _after(
    cursor: str, column: InstrumentedAttribute[Any], entity_id: InstrumentedAttribute[Any], ascending: bool
) -> ColumnElement[bool]:
    value, last_id = _decode_cursor(cursor, column, entity_id)
    if value is None:
        return and_(column.is_(None), entity_id > last_id if ascending else entity_id < last_id)
    if ascending:
        return or_(column > value, and_(column == value, entity_id > last_id), column.is_(None))
    return or_(column < value, and_(column == value, entity_id < last_id), column.is_(None))


def _encode_cursor(value: Any, id_: Any) -> str:
    text = value.isoformat() if isinstance(value, date | datetime) else None if value is None else str(value)
    return base64.urlsafe_b64encode(msgspec.json.encode([text, str(id_)])).decode().rstrip("=")


def _decode_cursor(
    cursor: str, column: InstrumentedAttribute[Any], entity_id: InstrumentedAttribute[Any]
) -> tuple[Any, Any]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        text, id_ = msgspec.json.decode(raw, type=tuple[str | None, str])
        return None if text is None else _typed(text, column), _typed(id_, entity_id)
    except (ValueError, ArithmeticError) as error:
        raise Invalid.field("cursor", "is not a cursor of this list") from error


def _typed(text: str, column: InstrumentedAttribute[Any]) -> Any:
    """Raises ValueError when the column holds no such value."""
    type_ = column.type.python_type
    if type_ in (datetime, date):
        return _day(type_.fromisoformat(text), column)
    value = {int: int, Decimal: Decimal, UUID: UUID}.get(type_, str)(text)
    if type_ is int and value.bit_length() > (63 if isinstance(column.type, BigInteger) else 31):
        raise ValueError(f"{value} is out of range")
    return value


def _day(day: date, column: InstrumentedAttribute[Any]) -> date:
    if not in_calendar(day):
        raise ValueError(f"{day} is out of range")
    if isinstance(day, datetime) and (day.tzinfo is None) == getattr(column.type, "timezone", False):
        raise ValueError(f"{day} has an offset where there is none, or none where there is one")
    return day
