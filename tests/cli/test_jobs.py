"""The operator's commands, on a real database."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cli.main import app
from models.jobs.lifecycle import claim, close
from models.jobs.logs import Sent, keep_lines, line_of
from models.jobs.records import JobRecord
from models.jobs.rules import LogLevel
from models.kernel.session import Database
from tasks.outcomes import after_success
from tests.support.client import ApiClient


@pytest.fixture
def bellwork(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in a thread, as it makes an event loop of its own; gives its exit code and output."""
    monkeypatch.setenv("COLUMNS", "300")

    async def run(*words: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, list(words))
        return result.exit_code, result.output

    return run


async def waiting(client: ApiClient) -> str:
    job = await client.submit("probe.echo", {"text": "x"}, runAt="2099-01-01T00:00:00Z")
    return str(UUID(job["id"]))


async def test_a_job_is_listed_shown_explained_and_cancelled(client: ApiClient, bellwork: Any) -> None:
    job_id = await waiting(client)
    assert job_id in (await bellwork("jobs", "list", "--status", "scheduled"))[1]
    assert job_id not in (await bellwork("jobs", "list", "--status", "failed"))[1]
    shown = (await bellwork("jobs", "show", job_id))[1]
    assert "probe.echo" in shown
    assert '{"text": "x"}' in shown
    assert "run_at_ahead" in (await bellwork("jobs", "explain", job_id))[1]
    assert "cancelled: prevented" in (await bellwork("jobs", "cancel", job_id))[1]
    assert "scheduled" not in (await bellwork("jobs", "retry", job_id))[1]


async def test_a_job_is_found_by_its_tag_and_moved(client: ApiClient, bellwork: Any) -> None:
    job = await client.submit("probe.echo", {"text": "x"}, runAt="2099-01-01T00:00:00Z", tags=["spring", "import"])
    for words in (
        ["--tag", "autumn", "--tag", "spring"],
        ["--status", "failed", "--status", "scheduled"],
        ["--status", "failed,scheduled"],
        ["--status", "failed,running", "--status", "scheduled"],
    ):
        assert job["id"] in (await bellwork("jobs", "list", *words))[1]
    for words in (["--tag", "autumn"], ["--tag", "spring,import"], ["--status", "failed,running"]):
        assert job["id"] not in (await bellwork("jobs", "list", *words))[1]
    for faulty in ("scheduled,gone", "", "failed,"):
        code, output = await bellwork("jobs", "list", "--status", faulty)
        assert (code, "not one of scheduled, queued" in output) == (2, True), output
    assert (await bellwork("jobs", "move", job["id"]))[0] == 2
    assert (await bellwork("jobs", "move", job["id"], "--now", "--at", "2098-01-01T00:00:00Z"))[0] == 2
    code, output = await bellwork("jobs", "move", job["id"], "--at", "2098-01-01T00:00:00")
    assert (code, "runAt needs an offset" in output) == (1, True)
    code, output = await bellwork("jobs", "move", job["id"], "--at", "2098-01-01T00:00:00Z", "--priority", "0")
    assert (code, output.strip()) == (0, "scheduled: runs at 2098-01-01 00:00:00Z, priority 0")
    assert (await bellwork("jobs", "move", job["id"], "--start-by", "2098-06-01T00:00:00Z"))[0] == 0
    assert (await client.expect(200, "GET", f"/jobs/{job['id']}"))["startBy"] == "2098-06-01T00:00:00Z"
    assert (await bellwork("jobs", "move", job["id"], "--start-by", "never"))[0] == 0
    assert "queued" in (await bellwork("jobs", "move", job["id"], "--now"))[1]
    cancelled = await waiting(client)
    await client.expect(200, "POST", f"/jobs/{cancelled}/cancel")
    code, output = await bellwork("jobs", "move", cancelled, "--now")
    assert (code, "this one is cancelled" in output) == (1, True)


async def test_watching_ends_with_the_job_and_tells_how_it_ended(client: ApiClient, bellwork: Any) -> None:
    job_id = await waiting(client)
    await client.expect(200, "POST", f"/jobs/{job_id}/cancel")
    code, output = await bellwork("jobs", "watch", job_id)
    assert code == 1
    assert "cancelled" in output


async def test_queues_tell_what_waits_and_who_serves_them(client: ApiClient, database: Database, bellwork: Any) -> None:
    await waiting(client)
    await database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.echo', 'system')")
    code, output = await bellwork("queues")
    assert code == 0
    assert "default" in output
    assert "paused: probe.echo" in output


async def test_failed_jobs_are_shown_before_they_are_redriven(
    client: ApiClient, database: Database, bellwork: Any
) -> None:
    job_id = await waiting(client)
    await database.execute(
        """UPDATE jobs SET status = 'failed', finished_at = now(), error = '{"code": "DISK_FULL", "message": "m"}'
           WHERE id = $1""",
        UUID(job_id),
    )
    code, output = await bellwork("jobs", "redrive", "--kind", "probe.echo")
    assert (code, "DISK_FULL" in output, "watch" in output) == (0, True, False)
    assert "jobs watch" in (await bellwork("jobs", "redrive", "--kind", "probe.echo", "--go"))[1]
    rows = await database.fetch("SELECT count(*) AS n FROM jobs WHERE kind = 'jobs.redrive'")
    assert rows[0]["n"] == 1


async def test_many_jobs_are_shown_before_they_are_cancelled(
    client: ApiClient, database: Database, bellwork: Any
) -> None:
    one, two = await waiting(client), await waiting(client)
    code, output = await bellwork("jobs", "cancel", "--kind", "probe.echo")
    assert (code, "scheduled" in output, "2" in output, "watch" in output) == (0, True, True, False)
    assert (
        "scheduled" not in (await bellwork("jobs", "cancel", "--kind", "probe.echo", "--to", "2020-01-01T00:00:00Z"))[1]
    )
    for states, shown in (("queued,scheduled", True), ("queued,retrying", False)):
        code, output = await bellwork("jobs", "cancel", "--status", states)
        assert (code, "probe.echo" in output) == (0, shown), output
    assert "jobs watch" in (await bellwork("jobs", "cancel", one, two, "--running", "--go"))[1]
    (job,) = await database.fetch("SELECT payload->'filter'->'ids' AS ids, owner FROM jobs WHERE kind = 'jobs.cancel'")
    assert (one in str(job["ids"]), two in str(job["ids"]), job["owner"]) == (True, True, "system")
    for words, told in (
        ((), "at least one"), (("--running",), "at least one"), (("--from", "2026-01-01T00:00:00"), "offset"),
        (("--to", "yesterday"), "instant"),
    ):  # fmt: skip
        code, output = await bellwork("jobs", "cancel", *words, "--go")
        assert (code != 0, told in output) == (True, True), output


async def test_the_lines_of_a_jobs_log_are_shown_and_followed_to_its_end(
    client: ApiClient, database: Database, bellwork: Any
) -> None:
    job_id = await waiting(client)
    assert "said nothing" in (await bellwork("jobs", "logs", job_id))[1]
    (job,) = await claim_now(database, UUID(job_id))
    said = [("one [bold]", LogLevel.INFO, {"n": 1}), ("two", LogLevel.ERROR, {})]
    lines = [Sent(line_of(*each), place, 0.0) for place, each in enumerate(said, 1)]
    following = asyncio.create_task(bellwork("jobs", "logs", job_id, "--follow"))
    await keep_lines(database, job, lines)
    await close(database, job, after_success(b"{}", 0.1))
    code, output = await following
    assert code == 0
    assert [line.split(" ", 2)[2] for line in output.splitlines()] == ['1 info    one [bold] {"n": 1}', "1 error   two"]
    assert output.count("one") == 1
    assert "one" not in (await bellwork("jobs", "logs", job_id, "--level", "error", "--level", "warning"))[1]
    assert "no such lines" in (await bellwork("jobs", "logs", job_id, "--attempt", "2"))[1]
    assert f"It said 2 lines: bellwork jobs logs {job_id}" in (await bellwork("jobs", "show", job_id))[1]


async def claim_now(database: Database, job_id: UUID) -> list[JobRecord]:
    await database.execute("UPDATE jobs SET status = 'queued', run_at = now() WHERE id = $1", job_id)
    return await claim(database, [job_id], "w", 60.0)


async def test_a_job_that_is_not_there_is_one_clear_line(client: ApiClient, bellwork: Any) -> None:
    code, output = await bellwork("jobs", "show", "0198c0de-0000-7000-8000-000000000001")
    assert code == 1
    assert "There is no job" in output


async def test_schedules_are_listed_and_those_that_cannot_fire_say_why(
    client: ApiClient, database: Database, bellwork: Any
) -> None:
    body = {"kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *"}
    bad = await client.create("/schedules", name="[bold]bad", **body)
    await client.create("/schedules", name="good", **body)
    error = """'{"code": "PAYLOAD_INVALID", "message": "text is required", "at": "2026-05-01T12:00:00Z"}'"""
    await database.execute(f"UPDATE schedules SET last_error = {error} WHERE id = $1", UUID(bad["id"]))
    listed = (await bellwork("schedules"))[1]
    assert ("[bold]bad" in listed, "good" in listed, "0 3 * * * UTC" in listed) == (True, True, True)
    failing = (await bellwork("schedules", "--failing"))[1]
    assert ("PAYLOAD_INVALID" in failing, "good" in failing, "1 of 1" in failing) == (True, False, True)
