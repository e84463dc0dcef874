"""Writing the rows of meetings into files in each of the ways compared; each runs in a process of its own."""

import csv
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import xlsxwriter

import models.all_contexts  # noqa: F401
from models.exports import queries
from models.exports.csv_file import write_csv
from models.exports.registry import exportable_named
from models.exports.snapshot import open_snapshot
from models.exports.xlsx_file import write_sheet, write_xlsx
from models.kernel.session import Database

MEETINGS = exportable_named("meetings")
SQL, ARGS = queries.in_driver_terms(queries.as_values(MEETINGS, MEETINGS.select({})))
CHUNK = 1_000


async def csv_ours(url: str, path: Path) -> float:
    return await _ours(url, write_csv, path)


async def xlsx_ours(url: str, path: Path) -> float:
    return await _ours(url, write_xlsx, path, MEETINGS)


async def _ours(url: str, write: Any, path: Path, *args: Any) -> float:
    database = Database(url)
    started = time.perf_counter()
    async with open_snapshot(database, MEETINGS, {}) as snapshot:
        rows: int = await write(snapshot, path, lambda done, total: None, *args)
    took = time.perf_counter() - started
    await database.close()
    return rows / took


async def csv_by_cursor(url: str, path: Path) -> float:
    started, rows = time.perf_counter(), 0
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(column.name for column in MEETINGS.columns)
        async with _cursor(url) as chunks:
            async for chunk in chunks:
                writer.writerows(chunk)
                rows += len(chunk)
    return rows / (time.perf_counter() - started)


async def csv_by_copy(url: str, path: Path) -> float:
    connection = await asyncpg.connect(url)
    started = time.perf_counter()
    tag = await connection.copy_from_query(SQL, *ARGS, output=path, format="csv", header=True)
    took = time.perf_counter() - started
    await connection.close()
    return int(tag.removeprefix("COPY ")) / took


async def xlsx_by_xlsxwriter(url: str, path: Path) -> float:
    started, rows = time.perf_counter(), 0
    book = xlsxwriter.Workbook(path, {"constant_memory": True, "remove_timezone": True})
    sheet, days = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write_row(0, 0, [column.header for column in MEETINGS.columns])
    async with _cursor(url) as chunks:
        async for chunk in chunks:
            for values in chunk:
                rows += 1
                for at, value in enumerate(values):
                    sheet.write(rows, at, value, days if isinstance(value, date) else None)
    book.close()
    return rows / (time.perf_counter() - started)


async def xlsx_from_memory(url: str, path: Path) -> float:
    headers = [column.header for column in MEETINGS.columns]
    async with _cursor(url) as chunks:
        records = [dict(zip(headers, row, strict=True)) async for chunk in chunks for row in chunk]
    started = time.perf_counter()
    write_sheet(records, path, MEETINGS, None)
    return len(records) / (time.perf_counter() - started)


@asynccontextmanager
async def _cursor(url: str) -> AsyncIterator[AsyncIterator[list[Any]]]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(readonly=True):
            cursor = await connection.cursor(SQL, *ARGS)

            async def chunks() -> AsyncIterator[list[Any]]:
                while rows := await cursor.fetch(CHUNK):
                    yield rows

            yield chunks()
    finally:
        await connection.close()
