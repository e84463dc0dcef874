"""One transaction per request: an answer that says it is done is only sent once it is."""

import asyncio

from litestar import Litestar

from models.kernel.session import Database, fetch
from tests.support.client import ApiClient
from tests.support.failing import failing_commits


async def test_a_failed_commit_is_never_answered_as_done(client: ApiClient, database: Database) -> None:
    customer = await client.create("/customers", name="Noa")
    path = f"/customers/{customer['id']}"
    async with failing_commits(database, "customers"):
        for method, where, body in [
            ("POST", "/customers", {"name": "Dana"}),
            ("PATCH", path, {"city": "Lod"}),
            ("DELETE", path, None),
        ]:
            response = await client.request(method, where, json=body)
            assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_ERROR")
            assert "location" not in response.headers
            assert "etag" not in response.headers
            assert "refused at commit" not in response.text
    listed = await client.expect(200, "GET", "/customers")
    assert listed["data"] == [customer]
    assert len(await database.fetch("SELECT 1 FROM events")) == 1


async def test_a_request_that_fails_late_leaves_nothing(client: ApiClient, database: Database) -> None:
    await database.execute("ALTER TABLE events RENAME TO events_away")
    try:
        await client.expect(500, "POST", "/customers", json={"name": "Noa"})
    finally:
        await database.execute("ALTER TABLE events_away RENAME TO events")
    assert (await client.expect(200, "GET", "/customers"))["pagination"]["total"] == 0


async def test_what_was_answered_is_there_for_the_next_who_asks(client: ApiClient) -> None:
    async def make_and_read(number: int) -> str:
        made = await client.create("/customers", name=f"Customer {number}")
        read = await client.expect(200, "GET", f"/customers/{made['id']}")
        assert read == made
        return str(made["id"])

    assert len(set(await asyncio.gather(*(make_and_read(number) for number in range(15))))) == 15


async def test_no_transaction_stays_open_behind_an_answer(quiet_client: ApiClient, quiet_database: Database) -> None:
    await quiet_client.create("/customers", name="Noa")
    await quiet_client.expect(400, "POST", "/customers", json={})
    await quiet_client.expect(404, "GET", "/customers/0198c0de-0000-7000-8000-000000000001")
    await quiet_client.expect(200, "GET", "/customers")
    mine = "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bellwork-api'"
    states = [row["state"] for row in await quiet_database.fetch(mine)]
    assert "idle" in states
    assert not any(state.startswith("idle in transaction") for state in states)


async def test_wishes_at_once_beyond_the_pool_are_all_answered(client: ApiClient) -> None:
    answers = await asyncio.gather(*(client.get("/customers") for _ in range(60)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_paused_process_holds_its_locks_no_longer_than_a_lease(app: Litestar) -> None:
    async with app.state.database.transaction() as session:
        (bound,) = await fetch(session, "SHOW idle_in_transaction_session_timeout")
    assert bound["idle_in_transaction_session_timeout"] == "15s"
