"""Asking for files over HTTP and reading them back."""

import csv
import io
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.support.client import ApiClient


async def make_export(client: ApiClient, resource: str, format_: str = "csv", **options: Any) -> Any:
    """The ready export."""
    job = await client.expect(202, "POST", "/exports", json={"resource": resource, "format": format_, **options})
    done = await client.finish(job["id"])
    assert done["status"] == "succeeded", done["error"]
    export = await client.expect(200, "GET", f"/exports/{job['id']}")
    assert export["status"] == "ready"
    return export


async def download(client: ApiClient, export: Any) -> bytes:
    response = await client.get(f"/exports/{export['id']}/download")
    assert response.status_code == 200, response.text
    return response.content


async def export_csv(client: ApiClient, resource: str, **options: Any) -> list[dict[str, str]]:
    """The rows of a new CSV file, by the names in its first line."""
    export = await make_export(client, resource, "csv", **options)
    rows = list(csv.DictReader(io.StringIO((await download(client, export)).decode(), newline="")))
    assert len(rows) == export["rowCount"]
    return rows


async def export_sheet(client: ApiClient, resource: str, **options: Any) -> Worksheet:
    """The only sheet of a new XLSX file."""
    export = await make_export(client, resource, "xlsx", **options)
    (sheet,) = load_workbook(io.BytesIO(await download(client, export))).worksheets
    assert sheet.max_row == export["rowCount"] + 1
    return sheet


def records(sheet: Worksheet) -> list[dict[str, Any]]:
    """The rows below the header, by the words in it."""
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]
