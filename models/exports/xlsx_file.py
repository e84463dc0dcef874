"""Rows as an Excel sheet: a frozen header in words, column widths, real numbers, dates and times."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from rustpy_xlsxwriter import Format, write_worksheet

from models.exports.registry import Column, ColumnType, Exportable
from models.exports.snapshot import Report, Snapshot
from models.kernel.errors import Unprocessable
from models.kernel.files import translate_full_disk

MAX_ROWS = 1_048_575
FIRST_YEAR = 1900
RIGHT_TO_LEFT = {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "syr", "ug", "ur", "yi"}
NUMBER_FORMATS = {
    ColumnType.DATE: "yyyy-mm-dd",
    ColumnType.DATETIME: "yyyy-mm-dd hh:mm:ss",
    ColumnType.INTEGER: "0",
    ColumnType.MONEY: "#,##0.00#",
}
Rows = Sequence[Sequence[Any]]


async def write_xlsx(
    snapshot: Snapshot, path: Path, report: Report, exportable: Exportable, *, locale: str | None = None
) -> int:
    """Return the number of rows. The writer runs in a thread, and has ended when this returns or raises.

    Raises OSError when the disk is full, Unprocessable for more rows than a sheet holds.
    """
    if snapshot.total > MAX_ROWS:
        raise Unprocessable(f"A sheet holds {MAX_ROWS} rows, these are {snapshot.total}: take csv, or filter.")
    async with aclosing(snapshot.chunks()) as chunks:
        feed = _Feed(chunks, exportable.columns, snapshot.total, report)
        writing = asyncio.create_task(asyncio.to_thread(write_sheet, feed, path, exportable, locale))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            feed.stop()
            await asyncio.gather(writing, return_exceptions=True)
            raise
    return feed.taken


class _Feed:
    """Gives the writer's thread its records; the event loop fetches a chunk whenever the thread asks for one."""

    def __init__(self, chunks: AsyncIterator[Rows], columns: Sequence[Column], total: int, report: Report) -> None:
        self.taken = 0
        self._chunks = chunks
        self._headers = [column.header for column in columns]
        self._dates = [i for i, column in enumerate(columns) if column.type in (ColumnType.DATE, ColumnType.DATETIME)]
        self._total = total
        self._report = report
        self._stopped = False
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        self._stopped = True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while chunk := asyncio.run_coroutine_threadsafe(self._fetch(), self._loop).result():
            for row in chunk:
                yield dict(zip(self._headers, self._cells(row), strict=True))
        if not self.taken:
            yield dict.fromkeys(self._headers)  # the writer takes the header from a record; an empty one is no row

    async def _fetch(self) -> Rows:
        if self._stopped:
            raise InterruptedError
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            return ()
        self.taken += len(chunk)
        self._report(self.taken, self._total)
        return chunk

    def _cells(self, row: Sequence[Any]) -> Sequence[Any]:
        if any(row[i] is not None and row[i].year < FIRST_YEAR for i in self._dates):
            return [_as_excel_knows(value) for value in row]
        return row


def _as_excel_knows(value: Any) -> Any:
    """Excel's days begin in 1900: what is older stands as text."""
    return value.isoformat() if isinstance(value, date) and value.year < FIRST_YEAR else value


def write_sheet(records: Iterable[dict[str, Any]], path: Path, exportable: Exportable, locale: str | None) -> None:
    """Write the file, in one go, from records by header. Raises OSError when the disk is full."""
    with translate_full_disk(), _panics_as_errors():
        write_worksheet(
            iter(records),
            path,
            sheet_name=exportable.title,
            freeze_row=1,
            autofilter=True,
            header_format=Format().set_bold(),
            column_widths=[column.width for column in exportable.columns],
            column_formats=_formats(exportable.columns),
            sheet_view={"right_to_left": (locale or "").partition("-")[0] in RIGHT_TO_LEFT},
        )


@contextmanager
def _panics_as_errors() -> Iterator[None]:
    """A panic of the writer, as when its temporary file cannot grow, is a BaseException that no handler expects."""
    try:
        yield
    except Exception:
        raise
    except BaseException as panic:
        raise RuntimeError(f"The sheet could not be written: {panic}") from panic


def _formats(columns: Sequence[Column]) -> dict[str, Format]:
    formats = {column.header: NUMBER_FORMATS.get(column.type) for column in columns}
    return {header: Format().set_num_format(format_) for header, format_ in formats.items() if format_}
