"""Files of those who reach only their own: what stands in them is what the lists would show."""

from typing import Any

import pytest

from models.exports.jobs import CreateExport
from models.exports.service import request_export
from models.identity.permissions import MATRIX, Role
from models.identity.tables import User
from models.kernel.actor import Actor
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.exports import export_csv, export_sheet, records
from tests.support.factories import make_customer
from tests.support.sides import Sides, make_login, make_sides

pytestmark = pytest.mark.usefixtures("workers")


@pytest.fixture
async def sides(anonymous: ApiClient, database: Database) -> Sides:
    return await make_sides(database)


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.STUDENT])
@pytest.mark.parametrize("resource", ["meetings", "students", "registrations"])
async def test_a_file_holds_ones_own_rows_without_what_is_hidden(
    anonymous: ApiClient, sides: Sides, role: Role, resource: str
) -> None:
    anonymous.headers.update(sides.mine.instructor if role == Role.INSTRUCTOR else sides.mine.student)
    listed = await anonymous.expect(200, "GET", f"/{resource}")
    rows = await export_csv(anonymous, resource)
    assert {row["id"] for row in rows} == {row["id"] for row in listed["data"]} != set()
    assert not MATRIX[resource].hidden.get(role, frozenset()) & rows[0].keys()


async def test_a_sheet_leaves_out_what_is_hidden(anonymous: ApiClient, sides: Sides) -> None:
    anonymous.headers.update(sides.mine.student)
    rows = records(await export_sheet(anonymous, "meetings"))
    assert [row["Number"] for row in rows] == [1, 2, 3]
    assert not {"Revenue", "Instructor's pay", "Profit", "Notes"} & rows[0].keys()
    export, *_ = (await anonymous.expect(200, "GET", "/exports"))["data"]
    told = (await anonymous.logs(export["id"]))[0]
    assert told["message"] == "Columns that its owner does not see were left out."
    assert {"revenue", "instructorPayment", "profit", "notes"} <= set(told["fields"]["columns"])


async def test_filters_reach_no_further(anonymous: ApiClient, sides: Sides) -> None:
    anonymous.headers.update(sides.mine.instructor)
    theirs: dict[str, Any] = {"cycleId": str(sides.theirs.ids["cycle_id"])}
    assert await export_csv(anonymous, "meetings", filters=theirs) == []
    assert await export_csv(anonymous, "meetings", filters={"search": "yael"}) == []


async def test_a_file_holds_what_its_owner_may_see_when_it_is_made(client: ApiClient, database: Database) -> None:
    """A manager asks for all customers, and is none any more when the turn of the job comes."""
    async with database.transaction() as session:
        await make_customer(session)
        user_id, _ = await make_login(session, Role.MANAGER, "noa")
        job = await request_export(session, Actor("user", user_id), CreateExport(resource="customers", format="csv"))
        (await session.get_one(User, user_id)).role = Role.INSTRUCTOR
    done = await client.finish(job.id)
    assert (done["status"], done["error"]["code"]) == ("failed", "FORBIDDEN")
    assert (await client.expect(200, "GET", f"/exports/{job.id}"))["status"] == "failed"


async def test_mails_about_own_files_go_to_ones_own_address(anonymous: ApiClient, sides: Sides) -> None:
    body = {"resource": "meetings", "format": "csv"}
    for address, status in (("stranger@example.com", 403), ("Dana.Student@example.com", 202)):
        job = {**body, "notifyEmail": address}
        await anonymous.expect(status, "POST", "/exports", json=job, headers=sides.mine.student)


async def test_a_file_of_another_is_not_there_but_for_whom_its_link_was_given(
    anonymous: ApiClient, sides: Sides
) -> None:
    anonymous.headers.update(sides.mine.instructor)
    await export_csv(anonymous, "meetings")
    (newest, *_) = (await anonymous.expect(200, "GET", "/exports"))["data"]
    anonymous.headers.update(sides.theirs.instructor)
    for path in ("", "/download"):
        await anonymous.expect(404, "GET", f"/exports/{newest['id']}{path}")
    del anonymous.headers["Authorization"]
    assert (await anonymous.get(newest["downloadUrl"])).status_code == 200
