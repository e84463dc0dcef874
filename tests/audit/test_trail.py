"""What leaves a trail, and that the trail tells who, what and from where."""

import re
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from models.audit.rules import Action
from models.audit.service import record
from models.jobs.jobs import RedriveFilter
from models.jobs.redriving import Place, retry_next
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM
from models.kernel.base import Base
from models.kernel.origin import Origin, acting
from models.kernel.session import Database, commit_chunk, fetch
from models.migrations.trail import Trigger, triggers
from tests.support.client import ApiClient
from tests.support.factories import make_customer, make_cycle, make_instructor, make_meeting
from tests.support.probes import Echo

Entry = dict[str, Any]
HARMLESS = {"api_keys.prefix", "api_keys.previous_prefix"}
SECRETIVE = re.compile(r"hash|secret|token|password|credential|encrypted|cipher|grant|headers|private_key|prefix")


async def trail(client: ApiClient, **filters: Any) -> list[Entry]:
    page = await client.expect(200, "GET", "/audit-log", params={"limit": 100, "sortOrder": "asc", **filters})
    entries: list[Entry] = page["data"]
    return entries


async def admin(database: Database) -> str:
    return f"user:{(await database.fetch('SELECT id FROM users'))[0]['id']}"


async def test_the_life_of_a_row_is_told(client: ApiClient, database: Database) -> None:
    headers = {"User-Agent": "n8n/1.0", "X-Request-ID": "monday-import-1"}
    customer = (await client.create("/customers", name="Noa Levi", city="Haifa"))["id"]
    path = f"/customers/{customer}"
    await client.expect(200, "PATCH", path, json={"city": "Lagos", "name": "Noa Levi"}, headers=headers)
    await client.expect(204, "DELETE", path)
    await client.expect(200, "POST", f"{path}/restore")
    await client.expect(204, "DELETE", path, params={"hard": True})

    created, updated, deleted, restored, purged = await trail(client, entityId=customer)
    assert [entry["action"] for entry in (created, updated, deleted, restored, purged)] == [
        "create", "update", "delete", "restore", "purge",
    ]  # fmt: skip
    assert {entry["entity"] for entry in (created, updated, deleted, restored, purged)} == {"customer"}
    assert (created["oldValues"], created["newValues"]["name"]) == (None, "Noa Levi")
    assert "phone" not in created["newValues"]
    assert (updated["oldValues"], updated["newValues"]) == ({"city": "Haifa"}, {"city": "Lagos"})
    assert updated["actor"] == await admin(database)
    assert (updated["userAgent"], updated["requestId"], updated["jobId"]) == ("n8n/1.0", "monday-import-1", None)
    assert updated["clientIp"] == "127.0.0.1"
    assert deleted["oldValues"] == {"deleted_at": None}
    assert restored["newValues"] == {"deleted_at": None}
    assert (purged["newValues"], purged["oldValues"]["city"]) == (None, "Lagos")


async def test_every_row_of_a_bulk_change_is_told(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
        meetings = [str((await make_meeting(session, cycle, number=number)).id) for number in range(1, 6)]
    headers = {"X-Request-ID": "spring-cleaning"}
    await client.expect(200, "POST", "/meetings/bulk-delete", json={"meetingIds": meetings[:4]}, headers=headers)
    entries = await trail(client, requestId="spring-cleaning", entity="meeting")
    assert {entry["entityId"] for entry in entries} == set(meetings[:4])
    assert {entry["action"] for entry in entries} == {"delete"}
    assert {entry["actor"] for entry in entries} == {await admin(database)}


@pytest.mark.usefixtures("workers")
async def test_what_a_job_does_is_done_by_its_owner(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cycle = await make_cycle(session)
        meetings = [str((await make_meeting(session, cycle, number=number)).id) for number in range(1, 4)]
    body = {"meetingIds": meetings, "status": "completed"}
    headers = {"X-Request-ID": "end-of-month"}
    job = await client.expect(202, "POST", "/meetings/bulk-update-status", json=body, headers=headers)
    assert (await client.finish(job["id"]))["status"] == "succeeded"
    entries = await trail(client, jobId=job["id"], entity="meeting")
    assert {entry["entityId"] for entry in entries} == set(meetings)
    assert {entry["actor"] for entry in entries} == {await admin(database)}
    assert {entry["requestId"] for entry in entries} == {"end-of-month"}
    completed = [entry["newValues"] for entry in entries if "status" in entry["newValues"]]
    assert [values["status"] for values in completed] == ["completed"] * 3
    assert all(values.keys() <= entry["oldValues"].keys() for values, entry in zip(completed, entries, strict=False))


async def test_whoever_works_past_the_application_is_named(client: ApiClient, database: Database) -> None:
    connection = await database.connect_raw()
    try:
        await connection.execute("INSERT INTO customers (id, name) VALUES (gen_random_uuid(), 'By hand')")
    finally:
        await connection.close()
    assert [entry["actor"] for entry in await trail(client, entity="customer")] == ["database:bellwork"]


async def test_what_nobody_asked_for_is_the_systems(client: ApiClient, database: Database) -> None:
    await database.execute("INSERT INTO customers (id, name) VALUES (gen_random_uuid(), 'By itself')")
    assert [entry["actor"] for entry in await trail(client, entity="customer")] == ["system"]


async def test_an_actor_does_not_outlive_the_transaction(database: Database, clean: None) -> None:
    single = Database(database.url, pool_size=1)
    try:
        with acting(Origin("user:first")):
            async with single.transaction() as session:
                await make_customer(session)
                await commit_chunk(session)
                await make_customer(session)
        async with single.transaction() as session:
            await make_customer(session)
    finally:
        await single.close()
    rows = await database.fetch("SELECT actor FROM audit_statements WHERE entity = 'customer' ORDER BY id")
    assert [row["actor"] for row in rows] == ["user:first", "user:first", "system"]


async def test_work_that_is_undone_leaves_no_trail(client: ApiClient, database: Database) -> None:
    async def fail(statement: str) -> None:
        async with database.transaction() as session:
            await make_customer(session)
            await fetch(session, statement)

    with pytest.raises(DBAPIError):
        await fail("SELECT 1 / 0")
    with pytest.raises(DBAPIError):
        await fail("INSERT INTO students (id, name) VALUES (gen_random_uuid(), 'of nobody')")
    assert await trail(client, entity="customer") == []


async def test_a_request_that_is_refused_leaves_no_trail(client: ApiClient, database: Database) -> None:
    customer = await client.create("/customers", name="Noa Levi")
    path = f"/customers/{customer['id']}"
    await client.expect(412, "PATCH", path, json={"city": "Lagos"}, headers={"If-Match": '"7"'})
    await client.expect(400, "PATCH", path, json={"city": 7})
    async with database.transaction() as session:
        cycle = await make_cycle(session)
        meetings = [await make_meeting(session, cycle, number=number) for number in (1, 2)]
    again = {"startsAt": meetings[0].starts_at.isoformat(), "endsAt": meetings[0].ends_at.isoformat()}
    await client.expect(409, "PATCH", f"/meetings/{meetings[1].id}", json=again)
    assert [entry["action"] for entry in await trail(client, entity="customer")] == ["create"]
    assert [entry["action"] for entry in await trail(client, entity="meeting")] == ["create", "create"]


async def test_what_changes_nothing_leaves_no_trail(client: ApiClient, database: Database) -> None:
    customer = (await client.create("/customers", name="Noa Levi", city="Haifa"))["id"]
    await client.expect(200, "PATCH", f"/customers/{customer}", json={"city": "Haifa"})
    await database.execute("UPDATE customers SET version = version + 1, updated_at = clock_timestamp()")
    await database.execute("UPDATE customers SET city = 'Lagos' WHERE false")
    assert [entry["action"] for entry in await trail(client, entity="customer")] == ["create"]


async def test_of_many_rows_only_those_that_changed_are_told(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        cities = {str((await make_customer(session, city=city)).id): city for city in ("Haifa", "Lagos", "Lima")}
    await database.execute("UPDATE customers SET city = 'Lima', notes = CASE city WHEN 'Lagos' THEN 'moved' END")
    entries = {cities[entry["entityId"]]: entry for entry in await trail(client, action="update")}
    assert entries.keys() == {"Haifa", "Lagos"}
    assert entries["Haifa"]["newValues"] == {"city": "Lima"}
    assert entries["Lagos"]["newValues"] == {"city": "Lima", "notes": "moved"}
    assert entries["Lagos"]["oldValues"] == {"city": "Lagos", "notes": None}


async def test_nothing_slips_off_by_another_key(client: ApiClient, database: Database) -> None:
    await client.create("/customers", name="Noa Levi")
    with pytest.raises(asyncpg.RestrictViolationError, match="the key of a customer never changes"):
        await database.execute("UPDATE customers SET id = gen_random_uuid(), name = 'Nobody'")


async def test_what_a_removal_does_to_other_rows_is_told(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        user = (await fetch(session, "SELECT id FROM users"))[0]["id"]
        instructor = await make_instructor(session, user_id=user)
    await database.execute("DELETE FROM users WHERE id = $1", user)
    rows = await database.fetch(
        "SELECT old, new FROM audit_entries WHERE entity_id = $1 ORDER BY id", str(instructor.id)
    )
    assert rows[1]["new"] == '{"user_id": null}'
    assert str(user) in rows[1]["old"]


async def test_a_column_that_is_new_is_told_without_further_ado(database: Database, clean: None) -> None:
    async with database.transaction() as session:
        customer = await make_customer(session)
    await database.execute("ALTER TABLE customers ADD COLUMN shoe_size int")
    try:
        await database.execute("UPDATE customers SET shoe_size = 38")
        rows = await database.fetch("SELECT new FROM audit_entries WHERE entity_id = $1 ORDER BY id", str(customer.id))
        assert rows[-1]["new"] == '{"shoe_size": 38}'
    finally:
        await database.execute("ALTER TABLE customers DROP COLUMN shoe_size")


async def test_what_no_row_tells_is_recorded(client: ApiClient, database: Database) -> None:
    with acting(Origin("api_key:1", request_id="r-1")):
        async with database.transaction() as session:
            await record(session, Action.LOGIN, "user", UUID(int=7), new={"method": "password"})
        await record(database, Action.LOGIN_FAILED, "user", "noa@example.com")
    await record(database, Action.LOGOUT, "user", UUID(int=7))
    entries = await trail(client, entity="user")
    told = [(entry["actor"], entry["action"], entry["entityId"], entry["newValues"]) for entry in entries[1:]]
    assert told == [
        ("api_key:1", "login", str(UUID(int=7)), {"method": "password"}),
        ("api_key:1", "login_failed", "noa@example.com", None),
        ("system", "logout", str(UUID(int=7)), None),
    ]


async def test_what_operators_do_to_jobs_is_told(client: ApiClient, database: Database) -> None:
    job = (await client.submit("probe.echo", {"text": "x"}, runAt="2040-01-01T00:00:00Z"))["id"]
    await client.expect(200, "POST", f"/jobs/{job}/cancel")
    await client.expect(202, "POST", f"/jobs/{job}/retry")
    for paused in (True, False):
        await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": paused})
    entries = [entry for name in ("job", "paused_kind") for entry in await trail(client, entity=name)]
    told = [(entry["entity"], entry["action"], entry["entityId"]) for entry in entries]
    assert told == [
        ("job", "cancel", job), ("job", "retry", job),
        ("paused_kind", "create", "probe.echo"), ("paused_kind", "delete", "probe.echo"),
    ]  # fmt: skip
    assert {entry["actor"] for entry in entries} == {await admin(database)}


async def test_what_is_redriven_is_told(quiet_database: Database) -> None:
    ids = [(await submit_failed(quiet_database)) for _ in range(3)]
    async with quiet_database.transaction() as session:
        await retry_next(session, UUID(int=1), RedriveFilter(kind="probe.echo"), Place(), 2)
    rows = await quiet_database.fetch("SELECT action, entity_id FROM audit_entries ORDER BY id")
    assert [(row["action"], row["entity_id"]) for row in rows] == [("retry", str(id_)) for id_ in ids[:2]]


async def submit_failed(database: Database) -> UUID:
    job = await enqueue(database, SYSTEM, Echo(text="x"))
    await database.execute(
        "UPDATE jobs SET status = 'failed', attempt = 1, finished_at = clock_timestamp() WHERE id = $1", job.id
    )
    return job.id


MASKED = [trigger for trigger in triggers() if trigger.event == "insert" and trigger.arguments[2]]


@pytest.mark.parametrize("masking", MASKED, ids=lambda trigger: trigger.table)
async def test_no_secret_stands_in_the_trail(database: Database, clean: None, masking: Trigger) -> None:
    """Tried on a table with the same columns and triggers, where anything may be written into them."""
    _, key, masked, unnoticed = (argument.split(",") for argument in masking.arguments)
    copy = f"copy_of_{masking.table}"
    await database.execute(f"CREATE TABLE {copy} AS SELECT * FROM {masking.table}")
    try:
        for trigger in triggers():
            if trigger.table == masking.table:
                await database.execute(trigger._replace(table=copy).creation)
        names = sorted({*key, *masked})
        values = (f"'before {name}'" if name in masked else "gen_random_uuid()" for name in names)
        await database.execute(f"INSERT INTO {copy} ({', '.join(names)}) VALUES ({', '.join(values)})")
        if changing := [f"{name} = 'after {name}'" for name in masked if name not in key]:
            await database.execute(f"UPDATE {copy} SET {', '.join(changing)}")
        await database.execute(f"DELETE FROM {copy}")
    finally:
        await database.execute(f"DROP TABLE {copy}")
    rows = await database.fetch("SELECT concat(entity_id, old, new) AS told FROM audit_entries")
    told = " ".join(row["told"] for row in rows)
    assert len(rows) >= 2
    assert "before" not in told
    assert "after" not in told
    assert ('"***"' in told) == bool(set(masked) - {*key, *unnoticed})


def test_every_column_whose_name_sounds_of_a_secret_is_masked() -> None:
    open_ones = [
        f"{mapper.local_table.name}.{column.name}"  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        if mapper.class_.unaudited is None
        for column in mapper.local_table.columns
        if SECRETIVE.search(column.name) and column.name not in mapper.class_.masked
    ]
    assert set(open_ones) <= HARMLESS


def test_every_name_that_a_table_declares_is_one_of_its_columns() -> None:
    for mapper in Base.registry.mappers:
        named = mapper.class_.masked | mapper.class_.unnoticed
        assert named <= set(mapper.local_table.columns.keys()), mapper.class_
        assert not (named and mapper.class_.unaudited), mapper.class_


def test_a_table_is_audited_or_says_why_not() -> None:
    audited = {trigger.table for trigger in triggers()}
    for mapper in Base.registry.mappers:
        name = mapper.local_table.name  # type: ignore[attr-defined]
        assert (name in audited) != bool(mapper.class_.unaudited), name
        if name in audited:
            assert len(mapper.local_table.columns) <= 50, f"{name}: the trigger's jsonb_build_object takes no more"
    assert {"customers", "students", "users", "api_keys", "meetings", "registrations", "webhook_endpoints"} <= audited
