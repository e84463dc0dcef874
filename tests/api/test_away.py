"""PostgreSQL goes away and comes back; the process stays."""

from cli.platform import LocalPlatform
from models.kernel.session import Database
from tests.support.client import ApiClient, eventually


async def test_while_the_database_is_away_the_answer_is_503_and_then_all_is_well_again(
    client: ApiClient, database: Database, platform: LocalPlatform
) -> None:
    customer = await client.create("/customers", name="Noa")
    path = f"/customers/{customer['id']}"
    assert platform.postgres is not None
    platform.postgres.stop()
    try:
        for method, where, body in [
            ("GET", path, None),
            ("POST", "/customers", {"name": "Dana"}),
            ("PATCH", path, {"city": "Lod"}),
            ("POST", "/jobs", {"kind": "probe.echo", "payload": {"text": "x"}}),
            ("POST", "/auth/login", {"email": "admin@example.com", "password": "correct horse"}),
        ]:
            response = await client.request(method, where, json=body, headers={"Idempotency-Key": method + where})
            assert response.status_code == 503, f"{method} {where}: {response.text}"
            assert response.json()["code"] == "SERVICE_UNAVAILABLE"
            assert int(response.headers["retry-after"]) > 0
            assert not any(word in response.text for word in ("postgres", "127.0.0.1", "asyncpg"))
        await client.expect(200, "GET", "http://test/health/live")
        ready = await client.get("http://test/health/ready")
        assert ready.status_code == 503
        assert "ok" not in ready.json()["parts"]["postgresql"]
    finally:
        platform.postgres.start()

    async def serves() -> bool:
        return (await client.get(path)).status_code == 200

    await eventually(serves)
    assert (await client.expect(200, "GET", "/customers"))["data"] == [customer]
    await client.expect(200, "PATCH", path, json={"city": "Lod"}, headers={"Idempotency-Key": f"PATCH{path}"})
    await client.expect(200, "GET", "http://test/health/ready")


async def test_connections_that_died_unnoticed_cost_nobody_an_answer(client: ApiClient, database: Database) -> None:
    await client.create("/customers", name="Noa")
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bellwork-api'"
    await database.execute(others)

    async def serves() -> bool:
        return (await client.get("/customers")).status_code == 200

    await eventually(serves)
    assert (await client.post("/customers", json={"name": "Dana"})).status_code == 201
