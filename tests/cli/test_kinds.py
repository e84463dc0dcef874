"""The operator's view of the kinds, and what pauses and resumes one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from models.kernel.session import Database
from tests.audit.test_trail import trail
from tests.cli.conftest import Bellwork
from tests.support.client import ApiClient

HEADINGS = ["kind", "paused", "queue", "limits", "attempts", "time limit", "wait p50/p95", "run p50/p95"]


async def row_of(bellwork: Bellwork, kind: str) -> dict[str, str]:
    """The kind's row, by heading."""
    headings, *rows = (await bellwork("kinds")).splitlines()
    starts = [*(headings.index(heading) for heading in HEADINGS), None]
    (row,) = [row for row in rows if row.split()[0] == kind]
    return {name: row[starts[at] : starts[at + 1]].strip() for at, name in enumerate(HEADINGS)}


@pytest.mark.usefixtures("client")
async def test_a_kind_is_shown_with_its_queue_limits_and_retries(bellwork: Bellwork) -> None:
    row = await row_of(bellwork, "jobs.redrive")
    assert (row["queue"], row["limits"], row["attempts"], row["time limit"]) == ("bulk", "1 at once", "5", "6 h")
    assert (await row_of(bellwork, "probe.limited"))["limits"] == "1 at once per key"
    assert (row["paused"], row["wait p50/p95"], row["run p50/p95"]) == ("", "", "")


async def test_a_kind_is_shown_with_how_long_its_jobs_waited_and_ran(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    for _ in range(2):
        await client.submit("probe.echo", {"text": "x"}, runAt="2099-01-01T00:00:00Z")
    await database.execute(
        """UPDATE jobs SET status = 'succeeded', run_at = '2026-05-01 12:00Z', started_at = '2026-05-01 12:00:03Z',
           finished_at = '2026-05-01 12:02:03Z'"""
    )
    row = await row_of(bellwork, "probe.echo")
    assert (row["wait p50/p95"], row["run p50/p95"]) == ("3 s/3 s", "2 min/2 min")


async def test_a_kind_is_paused_and_resumed_as_by_the_api(client: ApiClient, bellwork: Bellwork) -> None:
    paused = await bellwork("kinds", "pause", "probe.echo")
    kind = await client.expect(200, "GET", "/job-kinds/probe.echo")
    since = datetime.fromisoformat(kind["pausedAt"]).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    assert (kind["paused"], kind["pausedBy"]) == (True, "system")
    assert paused.startswith(f"probe.echo is paused since {since} by system: ")
    assert (await row_of(bellwork, "probe.echo"))["paused"] == f"paused since {since} by system"
    waiting = await client.submit("probe.echo", {"text": "x"})
    assert "kind_paused" in await bellwork("jobs", "explain", waiting["id"])
    resumed = await bellwork("kinds", "resume", "probe.echo")
    assert resumed == f"probe.echo runs again; it was paused since {since} by system.\n"
    assert (await client.expect(200, "GET", "/job-kinds/probe.echo"))["paused"] is False
    assert (await row_of(bellwork, "probe.echo"))["paused"] == ""
    assert await bellwork("kinds", "resume", "probe.echo") == "probe.echo was not paused.\n"
    entries = await trail(client, entity="paused_kind")
    assert [(entry["actor"], entry["action"], entry["entityId"]) for entry in entries] == [
        ("system", "create", "probe.echo"), ("system", "delete", "probe.echo"),
    ]  # fmt: skip


async def test_who_paused_it_first_stays_the_one(client: ApiClient, database: Database, bellwork: Bellwork) -> None:
    await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": True})
    (user,) = await database.fetch("SELECT id FROM users")
    assert f" by user:{UUID(str(user['id']))}: " in await bellwork("kinds", "pause", "probe.echo")


@pytest.mark.usefixtures("workers")
async def test_jobs_of_a_resumed_kind_run_at_once(client: ApiClient, bellwork: Bellwork) -> None:
    await bellwork("kinds", "pause", "probe.echo")
    job = await client.submit("probe.echo", {"text": "x"})
    await bellwork("kinds", "resume", "probe.echo")
    assert (await client.finish(job["id"]))["status"] == "succeeded"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_a_kind_that_is_not_there_is_one_clear_line(database: Database, bellwork: Bellwork, verb: str) -> None:
    output = await bellwork("kinds", verb, "probe.ehco", code=1)
    assert output == "bellwork: There is no kind probe.ehco; `bellwork kinds` lists them.\n"
    assert not await database.fetch("SELECT FROM paused_kinds")
