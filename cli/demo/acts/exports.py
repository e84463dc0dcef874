"""Act e: the meetings are exported to CSV and XLSX by jobs, downloaded, and read back."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from cli.demo.client import Json
from cli.demo.ledger import expected_sums
from cli.demo.scene import Scene


async def play(scene: Scene) -> None:
    total = await scene.api.total("/meetings")
    figures: Json = {"total": total}
    for format_, read in (("csv", _read_csv), ("xlsx", _read_xlsx)):
        figures[format_] = await _export(scene, format_)
        rows = sum(1 for _ in read(scene.output / f"meetings.{format_}"))
        scene.stage.check(f"meetings.{format_} has the {total} rows that the API counts", rows == total, rows)
    _add_up(scene)
    scene.figures["exports"] = figures


def _add_up(scene: Scene) -> None:
    """The file's revenue, by cycle, is the ledger's too."""
    keys = {scene.ids[cycle.key]: cycle.key for cycle in scene.school.cycles}
    revenue = dict.fromkeys(keys.values(), Decimal(0))
    for row in _read_csv(scene.output / "meetings.csv"):
        if row["cycleId"] in keys:
            revenue[keys[row["cycleId"]]] += Decimal(row["revenue"])
    own = {key: each.revenue for key, each in expected_sums(scene.school).items()}
    scene.stage.check("the revenue in meetings.csv adds up to that of the ledger", revenue == own, revenue)


async def _export(scene: Scene, format_: str) -> Json:
    with scene.stage.bar(f"meetings.{format_}") as bar:
        job = await scene.api.start("/exports", {"resource": "meetings", "format": format_})
        job = await scene.api.succeed(await scene.api.follow(job, bar))
    export = job["result"]["exportId"]
    size = await scene.api.download(f"/exports/{export}/download", scene.output / f"meetings.{format_}")
    rows, promised = job["result"]["rowCount"], job["result"]["sizeBytes"]
    scene.stage.check(f"meetings.{format_} is downloaded whole, {size:,} bytes", size == promised, promised)
    return {"rows": rows, "bytes": size}


def _read_csv(path: Path) -> Iterator[Any]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


def _read_xlsx(path: Path) -> Iterator[Any]:
    book = load_workbook(path, read_only=True)
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        next(rows)
        yield from rows
    finally:
        book.close()
