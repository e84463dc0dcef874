"""What stands in the files, made by real workers and read back by others' libraries."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles.tables import Meeting
from models.exports.snapshot import CHUNK_ROWS
from models.kernel.session import Database
from models.registrations.tables import Registration
from tests.support.client import ApiClient
from tests.support.exports import download, export_csv, export_sheet, make_export, records
from tests.support.factories import (
    make_customer,
    make_cycle,
    make_meeting,
    make_registration,
    make_student,
)

pytestmark = pytest.mark.usefixtures("workers")

FORMULAS = ["=1+1", "+972501234567", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]
MANY = 2 * CHUNK_ROWS + 7


async def meet(session: AsyncSession, **overrides: Any) -> Meeting:
    cycle = await make_cycle(session, name="Robotics")
    return await make_meeting(session, cycle, **overrides)


async def register(session: AsyncSession, currency: str = "ILS", **overrides: Any) -> Registration:
    cycle = await make_cycle(session, name="Chess", currency=currency)
    student = await make_student(session, name="Omer")
    return await make_registration(session, cycle, student_id=student.id, **overrides)


async def test_a_customer_as_csv(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        noa = await make_customer(session, name="Noa", phone=None, notes='He said "no",\nthen yes')
    (row,) = await export_csv(client, "customers")
    assert row == {
        "id": str(noa.id), "name": "Noa", "phone": "", "email": "", "address": "", "city": "Haifa",
        "notes": 'He said "no",\nthen yes', "createdAt": f"{noa.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip


async def test_a_customer_as_a_sheet(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        noa = await make_customer(session, name="Noa", notes="two\nlines")
    sheet = await export_sheet(client, "customers")
    (row,) = records(sheet)
    assert (row["Id"], row["Name"], row["Phone"], row["Notes"]) == (str(noa.id), "Noa", None, "two\nlines")
    assert row["Created (UTC)"] == noa.created_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == ("Customers", "A2", "A1:H2")
    assert sheet["A1"].font.bold
    assert sheet.column_dimensions["A"].width > 36


@pytest.mark.parametrize("born", [date(2016, 2, 29), date(1890, 5, 1), None])
async def test_a_student_with_a_date(client: ApiClient, database: Database, born: date | None) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session, name="Noa")
        await make_student(session, name="Omer", customer_id=customer.id, birth_date=born)
    (row,) = await export_csv(client, "students")
    assert (row["customerName"], row["birthDate"]) == ("Noa", born.isoformat() if born else "")
    sheet = await export_sheet(client, "students")
    (cells,) = records(sheet)
    if born is None or born.year < 1900:
        assert cells["Born"] == (born and born.isoformat())
    else:
        assert cells["Born"].date() == born
        assert sheet["C2"].number_format == "yyyy-mm-dd"


async def test_a_meeting_with_its_names_times_and_money(client: ApiClient, database: Database) -> None:
    starts_at = datetime(2026, 3, 29, 13, 0, tzinfo=UTC)
    async with database.transaction() as session:
        meeting = await meet(
            session, starts_at=starts_at, status="completed", completed_at=starts_at,
            revenue=Decimal("149.9"), instructor_payment=Decimal("180"), profit=Decimal("-30.10"),
        )  # fmt: skip
    (row,) = await export_csv(client, "meetings")
    wanted = {
        "id": str(meeting.id), "cycleName": "Robotics", "courseName": "Robotics", "instructorName": "Dana Katz",
        "startsAt": "2026-03-29T13:00:00Z", "endsAt": "2026-03-29T14:30:00Z", "localDate": "2026-03-29",
        "number": "1", "status": "completed", "activityType": "frontal", "currency": "ILS",
        "revenue": "149.90", "instructorPayment": "180.00", "profit": "-30.10",
    }  # fmt: skip
    assert wanted.items() <= row.items()
    sheet = await export_sheet(client, "meetings")
    (cells,) = records(sheet)
    assert (cells["Starts (UTC)"], cells["Date"]) == (datetime(2026, 3, 29, 13, 0), datetime(2026, 3, 29))  # noqa: DTZ001
    assert (cells["Number"], cells["Revenue"], cells["Profit"]) == (1, 149.9, -30.1)
    assert {cell.number_format for cell in sheet["T"][1:]} == {"#,##0.00#"}


@pytest.mark.parametrize(
    ("currency", "amount", "text"),
    [("ILS", "1200", "1200.00"), ("JPY", "5000", "5000"), ("KWD", "12.5", "12.500")],
)
async def test_money_has_the_decimals_of_its_currency(
    client: ApiClient, database: Database, currency: str, amount: str, text: str
) -> None:
    async with database.transaction() as session:
        await register(session, currency, amount=Decimal(amount))
    (row,) = await export_csv(client, "registrations")
    assert (row["amount"], row["currency"], row["studentName"], row["cycleName"]) == (text, currency, "Omer", "Chess")
    (cells,) = records(await export_sheet(client, "registrations"))
    assert cells["Amount"] == float(amount)


async def test_no_text_is_a_formula(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        for formula in FORMULAS:
            await make_customer(session, name=formula)
        await make_customer(session, name="1=1")
    names = [row["name"] for row in await export_csv(client, "customers")]
    assert names == [f"'{formula}" for formula in FORMULAS] + ["1=1"]
    sheet = await export_sheet(client, "customers")
    cells = sheet["B"][1:]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [str(cell.value).replace("_x000D_", "\r") for cell in cells] == [*FORMULAS, "1=1"]


async def test_a_negative_amount_is_a_number_and_no_formula(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        await meet(session, profit=Decimal("-5"))
    (row,) = await export_csv(client, "meetings")
    assert row["profit"] == "-5.00"


async def test_every_script_survives(client: ApiClient, database: Database) -> None:
    names = ["נועה לוי", "أحمد", "Ọláyínká", "王小明", "🤖 & <b>", "Zoë\u200f"]
    async with database.transaction() as session:
        for name in names:
            await make_customer(session, name=name)
    assert [row["name"] for row in await export_csv(client, "customers")] == names
    assert [row["Name"] for row in records(await export_sheet(client, "customers"))] == names


@pytest.mark.parametrize(("locale", "right_to_left"), [("he", True), ("ar-EG", True), ("en", False), (None, False)])
async def test_a_sheet_reads_in_the_direction_of_its_locale(
    client: ApiClient, locale: str | None, right_to_left: bool
) -> None:
    sheet = await export_sheet(client, "customers", locale=locale)
    assert bool(sheet.sheet_view.rightToLeft) is right_to_left


async def test_a_byte_order_mark_on_request(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        await make_customer(session, name="נועה")
    plain = await download(client, await make_export(client, "customers", "csv"))
    marked = await download(client, await make_export(client, "customers", "csv", bom=True))
    assert marked == b"\xef\xbb\xbf" + plain


@pytest.mark.parametrize("resource", ["customers", "students", "meetings", "registrations"])
async def test_nothing_is_a_header_alone(client: ApiClient, resource: str) -> None:
    assert await export_csv(client, resource) == []
    sheet = await export_sheet(client, resource)
    assert sheet.max_row == 1
    assert sheet["A1"].value == "Id"


async def test_many_rows_are_as_many_as_the_list_says(client: ApiClient, database: Database) -> None:
    await database.execute(
        f"""INSERT INTO customers (id, name, notes)
            SELECT gen_random_uuid(), 'Customer ' || n, E'line\\nfeed' FROM generate_series(1, {MANY}) AS n"""
    )
    total = (await client.expect(200, "GET", "/customers"))["pagination"]["total"]
    rows = await export_csv(client, "customers")
    assert len({row["name"] for row in rows}) == len(rows) == total == MANY
    cells = records(await export_sheet(client, "customers"))
    assert len({row["Name"] for row in cells}) == len(cells) == MANY


async def test_progress_is_in_rows(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        for _ in range(3):
            await make_customer(session, notes="two\nlines")
    for format_ in ("csv", "xlsx"):
        export = await make_export(client, "customers", format_)
        job = await client.expect(200, "GET", f"/jobs/{export['jobId']}")
        assert (job["progress"]["current"], job["progress"]["total"]) == (3, 3)
        assert job["result"] == {"exportId": export["id"], "rowCount": 3, "sizeBytes": export["sizeBytes"]}
