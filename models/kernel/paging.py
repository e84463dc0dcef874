"""Lists: a page by offset or by cursor, sorted and searched by what the resource names."""

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta
from sqlalchemy import BigInteger, ColumnElement, Select, String, and_, cast, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models.kernel.errors import Fault, Invalid
from models.kernel.schema import In, Rule, in_calendar

T = TypeVar("T")
MOST_COUNTED = 100_000


AnyOf = Annotated[list[T], Meta(min_length=1, max_length=10, description="any of these; repeated, or with commas")]


Sortable = Mapping[str, InstrumentedAttribute[Any]]


class Page(In, kw_only=True):
    """The query of every list. A resource's own filters are further fields.

    `sortable` maps the names a caller may sort by to columns and must hold that of `sort_by`; rows that tie are ordered
    by id. A text is looked for in the columns of `searched`.
    """

    sortable: ClassVar[Sortable] = {}
    searched: ClassVar[Sequence[InstrumentedAttribute[Any]]] = ()
    rules: ClassVar[tuple[Rule, ...]] = (
        lambda page: _sort_faults(page.sort_by, page.sortable),
        lambda page: _search_faults("search", page.search, page.searched),
        lambda page: _search_faults("q", page.q, page.searched),
        lambda page: _cursor_faults(page.cursor, page.sortable, getattr(page, "sort_by", "")),
        lambda page: [Fault("offset", "cannot be combined with `cursor`")] if page.cursor and page.offset else [],
    )

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    offset: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    sort_by: Annotated[str, Meta(max_length=50)] = "createdAt"
    sort_order: Literal["asc", "desc"] = "desc"
    search: Annotated[str, Meta(max_length=200)] | None = None
    q: Annotated[str, Meta(max_length=200, description="alias of `search`")] | None = None


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


async def paginate(session: AsyncSession, statement: Select[T], page: Page) -> tuple[list[T], Pagination]:
    """Run `statement` for one page."""
    column = page.sortable[page.sort_by]
    entity_id: InstrumentedAttribute[Any] = column.class_.id
    statement = statement.where(matches(page.search or page.q, page.searched))
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


def _sort_faults(sort_by: str, sortable: Sortable) -> list[Fault]:
    return [] if sort_by in sortable else [Fault("sortBy", f"must be one of {', '.join(sorted(sortable))}")]


def _search_faults(name: str, text: str | None, searched: Sequence[InstrumentedAttribute[Any]]) -> list[Fault]:
    return [Fault(name, "this list cannot be searched")] if text and not searched else []


def _cursor_faults(cursor: str | None, sortable: Sortable, sort_by: str) -> list[Fault]:
    """Of a list whose order is not known only the shape is."""
    try:
        if cursor and (column := sortable.get(sort_by)):
            _decode_cursor(cursor, column, column.class_.id)
        elif cursor:
            _read_cursor(cursor)
    except (ValueError, ArithmeticError):
        return [Fault("cursor", "is not a cursor of this list")]
    return []


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
    text, id_ = _read_cursor(cursor)
    return None if text is None else _typed(text, column), _typed(id_, entity_id)


def _read_cursor(cursor: str) -> tuple[str | None, str]:
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return msgspec.json.decode(raw, type=tuple[str | None, str])


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
