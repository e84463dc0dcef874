"""Every statement over exports, and what a cell of a file is in SQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Numeric, Select, Text, Uuid, case, cast, func, select
from sqlalchemy.dialects.postgresql import asyncpg

from models.exports.registry import Column, ColumnType, Exportable
from models.exports.rules import PERSONAL_DATA, Sight
from models.exports.tables import Export, ExportStatus
from models.jobs.rules import UNFINISHED
from models.kernel.money import ISO_4217, exponent

ENSURE = """
INSERT INTO exports (id, resource, format, filters, options, owner) VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6)
ON CONFLICT (id) DO NOTHING
"""

# What a spreadsheet takes for the beginning of a formula.
FORMULA = r"^[=+@\t\r\n-]"
ISO_UTC = 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
USUAL_DECIMALS = 2
UNUSUAL_DECIMALS = sorted({exponent(code) for code in ISO_4217} - {USUAL_DECIMALS})


def exports(filters: Mapping[str, Any], sight: Sight) -> Select[Export]:
    others = dict(filters)
    statement = select(Export)
    if not sight.personal:
        statement = statement.where((Export.resource != PERSONAL_DATA) | (Export.owner == sight.name))
    match others.pop("status", None):
        case ExportStatus.READY:
            statement = statement.where(Export.file_key.is_not(None))
        case ExportStatus.PENDING:
            statement = statement.where(Export.file_key.is_(None), Export.job_status.in_(UNFINISHED))
        case ExportStatus.FAILED:
            ended = func.coalesce(Export.job_status.not_in(UNFINISHED), True)
            statement = statement.where(Export.file_key.is_(None), ended)
    return statement.filter_by(**others)


def count(rows: Select[Any]) -> Select[int]:
    return select(func.count()).select_from(rows.order_by(None).subquery())


def as_text(exportable: Exportable, rows: Select[Any]) -> Select[Any]:
    """The columns as they stand in CSV, named as in the API; no text in it is a formula."""
    return rows.with_only_columns(
        *(_text_cell(column).label(column.name) for column in exportable.columns), maintain_column_froms=True
    )


def as_values(exportable: Exportable, rows: Select[Any]) -> Select[Any]:
    """The columns as values: text, numbers, booleans, dates, and times in UTC."""
    return rows.with_only_columns(
        *(_value_cell(column).label(column.name) for column in exportable.columns), maintain_column_froms=True
    )


def in_driver_terms(statement: Select[Any]) -> tuple[str, list[Any]]:
    """The statement as the driver takes it: text with `$1` parameters, and their values."""
    dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]


def _text_cell(column: Column) -> ColumnElement[Any]:
    value: ColumnElement[Any] = _value_cell(column)
    match column.type:
        case ColumnType.TEXT if isinstance(column.expression.type, Uuid):
            return value
        case ColumnType.TEXT:
            return case((value.regexp_match(FORMULA), "'" + value), else_=value)
        case ColumnType.DATETIME:
            return func.to_char(value, ISO_UTC)
        case _:
            return cast(value, Text)


def _value_cell(column: Column) -> ColumnElement[Any]:
    expression: ColumnElement[Any] = column.expression
    match column.type:
        case ColumnType.TEXT:
            return cast(expression, Text)
        case ColumnType.DATETIME:
            return func.timezone("UTC", expression)
        case ColumnType.MONEY:
            return func.round(cast(expression, Numeric), _decimals(column.currency))
        case ColumnType.DATE:
            return cast(expression, Date)
        case _:
            return expression


def _decimals(currency: Any) -> ColumnElement[Any]:
    unusual = [(currency.in_(_with_decimals(number)), number) for number in UNUSUAL_DECIMALS]
    return cast(case(*unusual, else_=USUAL_DECIMALS), Integer)


def _with_decimals(number: int) -> list[str]:
    return sorted(code for code in ISO_4217 if exponent(code) == number)
