"""What can be exported. Each context declares its own in `exportables.py`; exports know none of them.

register(Exportable(
    name="customers", title="Customers", scope="read:customers", filters=CustomerPage,
    rows=lambda page, reach: queries.customers(filters(page), reach).order_by(Customer.id),
    columns=(Column("id", "Id", Customer.id), Column("name", "Name", Customer.name, width=28)),
))
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from models.kernel.errors import Fault, Invalid
from models.kernel.paging import Page, matches
from models.kernel.reach import EVERYTHING, Reach
from models.kernel.validation import convert

PAGING = {field.encode_name for field in msgspec.structs.fields(Page)} - {"search", "q"}


class ColumnType(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    DATE = "date"
    DATETIME = "datetime"


class Column(msgspec.Struct, frozen=True):
    """`name` is the field's name in the API and heads it in CSV; `header` heads it in a sheet.

    `width` is in characters; a money column names its row's `currency`, whose decimals it is shown with.
    """

    name: str
    header: str
    expression: Any
    type: ColumnType = ColumnType.TEXT
    width: float = 14.0
    currency: Any = None


class Exportable(msgspec.Struct, frozen=True, kw_only=True):
    """A resource. `filters` is the query of its list, `rows` selects what the list would, in the file's order.

    `scope` is what a requester needs to read it; `title` names the sheet; `searched` is what the list searches. A file
    holds what its requester reaches, and no column that is hidden from them.
    """

    name: str
    title: str
    scope: str
    filters: type[Page]
    rows: Callable[[Any, Reach], Select[Any]]
    columns: Sequence[Column]
    searched: Sequence[InstrumentedAttribute[Any]] = ()

    def select(self, filters: dict[str, Any], reach: Reach = EVERYTHING) -> Select[Any]:
        """The rows that the list shows with these filters. Raises Invalid naming every bad or unknown filter."""
        page = self.read(filters)
        return self.rows(page, reach).where(matches(page.search or page.q, self.searched))

    def without(self, hidden: frozenset[str]) -> "Exportable":
        columns = [column for column in self.columns if column.name not in hidden]
        return msgspec.structs.replace(self, columns=columns)

    def read(self, filters: dict[str, Any]) -> Page:
        unknown = [Fault(name, "is not a filter") for name in filters if name in PAGING]
        try:
            page = convert({n: v for n, v in filters.items() if n not in PAGING}, self.filters, strict=False)
        except Invalid as invalid:
            raise Invalid.of([*invalid.errors, *unknown]) from None
        if unknown:
            raise Invalid.of(unknown)
        return page


_exportables: dict[str, Exportable] = {}


def register(exportable: Exportable) -> None:
    if exportable.name in _exportables:
        raise ValueError(f"{exportable.name} is exportable twice")
    _exportables[exportable.name] = exportable


def exportable_named(name: str) -> Exportable:
    """Raises Invalid, naming what there is."""
    try:
        return _exportables[name]
    except KeyError:
        raise Invalid.field("resource", f"must be one of {', '.join(sorted(_exportables))}") from None
