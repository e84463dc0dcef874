"""Somebody is given all that is held of them, and erased from everything: looked for in every column and file."""

import asyncio
import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from models.jobs.lifecycle import claim
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM
from models.kernel.ids import new_id
from models.kernel.origin import Origin, acting
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.people.tables import Customer
from models.privacy import erasing
from models.privacy.holdings import holdings
from models.privacy.jobs import Erase
from models.privacy.persons import PersonKind
from models.schedules.tables import Schedule
from tasks import privacy
from tasks.context import JobContext
from tests.support.accounts import bearer
from tests.support.client import ApiClient, eventually
from tests.support.exports import make_export
from tests.support.factories import make_customer
from tests.support.planted import EMAIL, places, plant, stored_files
from tests.support.schedules import ROW
from tests.support.tools import making_tools

MONEY = """
SELECT 'registration', id, cycle_id, student_id, status, amount, amount_paid, payment_status, NULL FROM registrations
UNION ALL
SELECT 'meeting', id, cycle_id, instructor_id, status, revenue, instructor_payment, profit::text, number FROM meetings
"""


class WorkerGoneError(Exception):
    pass


async def ledger(client: ApiClient, database: Database) -> Any:
    rows = sorted(map(str, await database.fetch(MONEY)))
    figures = await client.expect(200, "GET", "/finance/cycles")
    for cycle in figures["data"]:
        cycle.pop("name", None)
        cycle.pop("cycleName", None)
        cycle.pop("instructorName", None)
    return rows, figures


async def erase(client: ApiClient, path: str) -> Any:
    job = await client.expect(202, "POST", f"{path}/erase")
    done = await client.finish(job["id"], within=60)
    assert done["status"] == "succeeded", done["error"]
    return done["result"]


async def files_of_everybody(client: ApiClient) -> None:
    """Of which some hold the planted person."""
    for resource in ("customers", "students", "audit-log", "meetings", "registrations"):
        await make_export(client, resource, "csv")
    await make_export(client, "customers", "xlsx")


def test_every_column_says_whether_it_is_somebodys() -> None:
    """Who makes a new table or column says it in `personal`, beside the columns."""
    assert {f"{each.table}.{column}" for each in holdings() for column in each.undeclared} == set()
    assert {f"{each.table}.{column}" for each in holdings() for column in each.misnamed} == set()


@pytest.mark.usefixtures("workers")
async def test_what_is_held_of_a_user_is_in_their_file(
    client: ApiClient, database: Database, settings: Settings
) -> None:
    planted = await plant(database, settings)
    mine = bearer({"accessToken": planted.token})
    job = await client.expect(202, "POST", f"/users/{planted.user_id}/data-export", headers=mine)
    done = await client.finish(job["id"])
    assert done["status"] == "succeeded", done["error"]
    export = await client.expect(200, "GET", f"/exports/{job['id']}", headers=mine)
    assert (export["format"], export["resource"], export["status"]) == ("zip", "personal-data", "ready")
    del client.headers["Authorization"]
    response = await client.get(export["downloadUrl"].partition("/api/v1")[2])
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        held = {name: archive.read(name).decode() for name in archive.namelist()}
    rows = {name.removesuffix(".json"): json.loads(text) for name, text in held.items() if name.endswith(".json")}
    assert set(rows) >= {
        "users", "sessions", "students", "instructors", "registrations", "meetings", "cycles", "courses", "jobs",
        "api_keys", "events", "messages", "mailed_links", "provider_identities", "schedules", "webhook_endpoints",
        "audit_statements", "audit_entries", "exports",
    }  # fmt: skip
    everything = "".join(held.values())
    for word in ("qzx+mail@", "Qzxfirst", "+972509871234", "qzxavatar", "qzxgrade", "qzxsearch", "203.0.113.77",
                 "qzxbrowser", "qzxsubject-4711", "qzxformer registration", "2017-04-05", "qzxtext"):  # fmt: skip
        assert word in everything, word
    (hashes,) = await database.fetch(
        "SELECT family_hash, refresh_hash FROM sessions WHERE user_id = $1", planted.user_id
    )
    for secret in ("x.qzxsecret", "qzxcode", *hashes.values()):
        assert secret not in everything
    assert not {"family_hash", "refresh_hash"} & set(rows["sessions"][0])
    assert "password_hash" not in rows["users"][0]
    assert "customers" not in rows, "the parent is somebody else"


@pytest.mark.usefixtures("workers")
async def test_nothing_of_an_erased_user_is_left_anywhere(
    client: ApiClient, database: Database, settings: Settings
) -> None:
    """The words are also a customer's; both are erased, and then every column and file is searched."""
    for path in stored_files(settings):
        path.unlink()
    planted = await plant(database, settings)
    await files_of_everybody(client)
    job = await client.expect(202, "POST", f"/users/{planted.user_id}/data-export")
    assert (await client.finish(job["id"]))["status"] == "succeeded"
    before, money = await places(database, settings), await ledger(client, database)
    assert len(before) > 60, "the words stand everywhere"

    first = await erase(client, f"/users/{planted.user_id}")
    assert (first["rows"] > 30, first["files"] >= 4) == (True, True)
    await erase(client, f"/customers/{planted.customer_id}")
    assert await places(database, settings) == {}
    assert await ledger(client, database) == money
    assert (await database.fetch("SELECT count(*) AS n FROM events WHERE type LIKE '%.erased'"))[0]["n"] == 2


@pytest.mark.usefixtures("workers")
async def test_erasing_again_changes_nothing(client: ApiClient, database: Database, settings: Settings) -> None:
    planted = await plant(database, settings)
    await erase(client, f"/users/{planted.user_id}")
    tables = ("users", "students", "instructors", "registrations", "audit_entries", "messages", "cycles", "branches")
    sql = " UNION ALL ".join(f"SELECT to_jsonb({name})::text AS row FROM {name}" for name in tables)
    before = sorted(row["row"] for row in await database.fetch(sql))
    assert await erase(client, f"/users/{planted.user_id}") == {"rows": 0, "files": 0}
    assert sorted(row["row"] for row in await database.fetch(sql)) == before


async def test_what_an_erasure_changes_is_not_shown_in_the_trail(database: Database, clean: None) -> None:
    with acting(Origin("system", erasing=True)):
        async with database.transaction() as session:
            customer = await make_customer(session, name="Noa Levi")
        async with database.transaction() as session:
            await session.execute(update(Customer).values(name="Erased", notes="x"))
    made, changed = await database.fetch("SELECT entity_id, old::text, new::text FROM audit_entries ORDER BY id")
    assert made["entity_id"] == changed["entity_id"] == str(customer.id)
    assert set(json.loads(changed["new"]).values()) | set(json.loads(made["new"]).values()) == {"***"}
    assert json.loads(changed["old"]) == {"name": "***", "notes": None}


@pytest.mark.parametrize("chunk", [1, 3])
async def test_a_worker_gone_at_every_checkpoint_loses_nothing(
    quiet_database: Database, settings: Settings, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    settings = settings.model_copy(update={"files_url": f"file:{tmp_path}"})
    planted = await plant(quiet_database, settings)
    monkeypatch.setattr(erasing, "AT_ONCE", chunk)
    deaths = 0
    for kind, id_ in ((PersonKind.USER, planted.user_id), (PersonKind.CUSTOMER, planted.customer_id)):
        args = Erase(person=kind, id=id_)
        job = await enqueue(quiet_database, SYSTEM, args)
        while not await attempt(quiet_database, settings, job.id, args, checkpoints=4):
            deaths += 1
    assert deaths > 3
    assert await places(quiet_database, settings) == {}


@pytest.mark.usefixtures("workers")
async def test_keys_that_differ_in_names_of_one_person_alone_stay_apart(client: ApiClient, database: Database) -> None:
    """Of unfinished jobs of one owner and kind, and of an owner's schedules, no two have the same."""
    names = {"email": "noa.levi@example.com", "phone": "+972509871234"}
    customer = await client.create("/customers", name="Noa Levi", **names)
    keys = [*(f"call {name}" for name in names.values()), "call somebody"]
    jobs = [
        await client.submit("probe.echo", {"text": "x"}, dedupeKey=key, runAt="2199-01-01T00:00:00Z") for key in keys
    ]
    for key in keys:
        async with database.transaction() as session:
            session.add(Schedule(**{**ROW, "id": new_id(), "key": key, "next_fire_at": None}))
    await erase(client, f"/customers/{customer['id']}")
    kept = [(await client.expect(200, "GET", f"/jobs/{job['id']}"))["dedupeKey"] for job in jobs]
    assert kept == [*(f"call *** {job['id']}" for job in jobs[:2]), "call somebody"]
    rows = await database.fetch("SELECT id, key FROM schedules ORDER BY id")
    assert [row["key"] for row in rows] == [*(f"call *** {row['id']}" for row in rows[:2]), "call somebody"]


async def attempt(database: Database, settings: Settings, job_id: Any, args: Erase, *, checkpoints: int) -> bool:
    """Whether the worker has lived to the end: it is gone after so many checkpoints."""
    await database.fetch("UPDATE jobs SET status = 'queued', lease_until = NULL WHERE id = $1", job_id)
    (job,) = await claim(database, [job_id], "w", 60.0)
    async with making_tools(settings, database) as tools:
        try:
            async with database.transaction_on_demand() as transaction:
                ctx = JobContext(job, transaction, tools, lambda _: None, lambda *_: None, asyncio.Event())
                keep, left = ctx.checkpoint, iter(range(checkpoints))

                async def checkpoint(state: Any) -> None:
                    if next(left, None) is None:
                        raise WorkerGoneError
                    await keep(state)

                ctx.checkpoint = checkpoint  # type: ignore[method-assign]
                await privacy.erase(ctx, args)
        except WorkerGoneError:
            return False
    return True


@pytest.mark.usefixtures("workers")
async def test_an_erased_user_cannot_log_in_and_their_address_is_free(
    client: ApiClient, database: Database, settings: Settings
) -> None:
    planted = await plant(database, settings)
    mine = bearer({"accessToken": planted.token})
    job = await client.expect(202, "POST", f"/users/{planted.user_id}/erase", headers=mine)
    assert (await client.finish(job["id"]))["status"] == "succeeded"

    async def is_refused() -> bool:
        return (await client.get("/auth/me", headers=mine)).status_code == 401

    await eventually(is_refused)
    made = await client.create("/admin/users", email=EMAIL, name="Somebody Else", role="student")
    assert made["email"] == EMAIL


async def test_only_oneself_and_administrators_are_heard(
    client: ApiClient, database: Database, settings: Settings
) -> None:
    planted = await plant(database, settings)
    other = await client.create("/admin/users", email="other@example.com", name="Other One", role="manager")
    mine = bearer({"accessToken": planted.token})
    for verb in ("data-export", "erase"):
        await client.expect(404, "POST", f"/users/{other['id']}/{verb}", headers=mine)
        await client.expect(403, "POST", f"/customers/{planted.customer_id}/{verb}", headers=mine)
        await client.expect(404, "POST", f"/users/{planted.cycle_id}/{verb}")
    assert await database.fetch("SELECT FROM jobs WHERE kind IN ('privacy.erase', 'privacy.export_data')") == []


async def test_the_last_administrator_stays(client: ApiClient, database: Database) -> None:
    me = (await client.expect(200, "GET", "/users/me"))["id"]
    problem = await client.expect(409, "POST", f"/users/{me}/erase")
    assert problem["detail"] == "This is the last administrator who can log in."


@pytest.mark.usefixtures("workers")
async def test_a_manager_does_not_see_what_is_held_of_another(
    client: ApiClient, database: Database, settings: Settings
) -> None:
    planted = await plant(database, settings)
    job = await client.expect(202, "POST", f"/users/{planted.user_id}/data-export")
    assert (await client.finish(job["id"]))["status"] == "succeeded"
    await database.fetch("UPDATE users SET role = 'manager' WHERE id = $1", planted.user_id)
    manager: dict[str, Any] = {"headers": bearer({"accessToken": planted.token})}
    await client.expect(404, "GET", f"/exports/{job['id']}", **manager)
    await client.expect(404, "DELETE", f"/exports/{job['id']}", **manager)
    response: httpx.Response = await client.get(f"/exports/{job['id']}/download", **manager)
    assert response.status_code == 404
    assert (await client.expect(200, "GET", "/exports", **manager))["data"] == []


@pytest.mark.usefixtures("workers")
async def test_others_keep_what_is_theirs(client: ApiClient, database: Database, settings: Settings) -> None:
    """Addresses and numbers that only begin or end alike are others'."""
    planted = await plant(database, settings)
    others = {"email": f"a{EMAIL}", "phone": "+9725098712345", "name": "Qyxfirst Qyxlast", "notes": f"see {EMAIL}.il"}
    made = await client.create("/customers", **others)
    await erase(client, f"/users/{planted.user_id}")
    kept = await client.expect(200, "GET", f"/customers/{made['id']}")
    assert {name: kept[name] for name in others} == others
    parent = await client.expect(200, "GET", f"/customers/{planted.customer_id}")
    assert parent["email"] == EMAIL
