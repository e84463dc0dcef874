"""The operator's view of the schedules."""

from uuid import UUID

from models.kernel.session import Database
from tests.cli.conftest import Bellwork
from tests.support.client import ApiClient


async def test_schedules_are_listed_and_those_that_cannot_fire_say_why(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    body = {"kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *"}
    bad = await client.create("/schedules", name="bad", **body)
    await client.create("/schedules", name="good", **body)
    error = """'{"code": "PAYLOAD_INVALID", "message": "text is required", "at": "2026-05-01T12:00:00Z"}'"""
    await database.execute(f"UPDATE schedules SET last_error = {error} WHERE id = $1", UUID(bad["id"]))
    listed = await bellwork("schedules")
    assert ("bad" in listed, "good" in listed, "0 3 * * * UTC" in listed) == (True, True, True)
    failing = await bellwork("schedules", "--failing")
    assert "PAYLOAD_INVALID: text is required" in failing
    assert ("good" in failing, "1 of 1" in failing) == (False, True)
