"""Exports over HTTP, made by real workers."""

import csv
import io
from typing import Any

import pytest
from openpyxl import load_workbook

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_customer

pytestmark = pytest.mark.usefixtures("workers")


async def export(client: ApiClient, **body: Any) -> Any:
    """The ready export."""
    job = await client.expect(202, "POST", "/exports", json=body)
    done = await client.finish(job["id"])
    assert done["status"] == "succeeded", done["error"]
    ready = await client.expect(200, "GET", f"/exports/{job['id']}")
    assert (ready["status"], ready["jobId"]) == ("ready", job["id"])
    return ready


async def download(client: ApiClient, ready: Any) -> bytes:
    response = await client.get(f"/exports/{ready['id']}/download")
    assert response.status_code == 200, response.text
    assert len(response.content) == ready["sizeBytes"]
    return response.content


async def test_customers_as_csv(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        await make_customer(session, name="Noa")
        await make_customer(session, name="=1+1")
    ready = await export(client, resource="customers", format="csv")
    rows = list(csv.DictReader(io.StringIO((await download(client, ready)).decode())))
    assert [row["name"] for row in rows] == ["Noa", "'=1+1"]


async def test_customers_as_xlsx(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        await make_customer(session, name="Noa")
        await make_customer(session, name="=1+1")
    ready = await export(client, resource="customers", format="xlsx", locale="he")
    sheet = load_workbook(io.BytesIO(await download(client, ready))).active
    assert sheet is not None
    assert [cell.value for cell in sheet["B"]] == ["Name", "Noa", "=1+1"]
    assert sheet.sheet_view.rightToLeft
