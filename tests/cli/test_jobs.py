"""The operator's commands about jobs, on a real database."""

import asyncio
import re
from uuid import UUID

import pytest

from models.jobs.lifecycle import claim, close
from models.jobs.logs import Sent, keep_lines, line_of
from models.jobs.records import JobRecord
from models.jobs.rules import LogLevel
from models.kernel.session import Database
from tasks.outcomes import after_success
from tests.cli.conftest import Bellwork
from tests.support.client import ApiClient

NOWHERE = "0198c0de-0000-7000-8000-000000000001"


async def waiting(client: ApiClient) -> str:
    job = await client.submit("probe.echo", {"text": "x"}, runAt="2099-01-01T00:00:00Z")
    return str(UUID(job["id"]))


async def claim_now(database: Database, job_id: str) -> JobRecord:
    """Sent already, so that no worker of another test is sent it."""
    sql = "UPDATE jobs SET status = 'queued', run_at = now(), published_at = now() WHERE id = $1"
    await database.execute(sql, UUID(job_id))
    (job,) = await claim(database, [UUID(job_id)], "w", 60.0)
    return job


async def fail(database: Database, job_id: str, at: str, code: str = "DISK_FULL", message: str = "m") -> None:
    await database.execute(
        """UPDATE jobs SET status = 'failed', finished_at = $2::text::timestamptz,
           error = jsonb_build_object('code', $3::text, 'message', $4::text) WHERE id = $1""",
        UUID(job_id), at, code, message,
    )  # fmt: skip


async def test_a_job_is_listed_shown_explained_and_cancelled(client: ApiClient, bellwork: Bellwork) -> None:
    job_id = await waiting(client)
    assert job_id in await bellwork("jobs", "list", "--status", "scheduled")
    assert job_id not in await bellwork("jobs", "list", "--status", "failed")
    shown = await bellwork("jobs", "show", job_id)
    assert "kind          probe.echo\n" in shown
    assert "run at        2099-01-01 00:00:00Z\n" in shown
    assert 'payload       {"text": "x"}\n' in shown
    assert "run_at_ahead" in await bellwork("jobs", "explain", job_id)
    assert await bellwork("jobs", "cancel", job_id) == "cancelled: prevented\n"


async def test_a_cancelled_job_is_retried_now_or_later(client: ApiClient, bellwork: Bellwork) -> None:
    job_id = await waiting(client)
    assert "it is scheduled" in await bellwork("jobs", "retry", job_id, code=1)
    await bellwork("jobs", "cancel", job_id)
    later = await bellwork("jobs", "retry", job_id, "--at", "2098-01-01T02:00:00+02:00")
    assert later == "scheduled: runs at 2098-01-01 00:00:00Z\n"
    await bellwork("jobs", "cancel", job_id)
    assert (await bellwork("jobs", "retry", job_id)).startswith("queued: runs at ")


async def test_every_attempt_of_a_job_is_shown(client: ApiClient, database: Database, bellwork: Bellwork) -> None:
    job_id = await waiting(client)
    assert "attempt  outcome" not in await bellwork("jobs", "show", job_id)
    await database.execute(
        """INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error) VALUES
           ($1, 1, 'host:7', '2026-05-01 12:00Z', '2026-05-01 12:00:01.5Z', 'retried', '{"code": "PROVIDER_DOWN"}'),
           ($1, 2, 'host:8', '2026-05-01 12:01Z', '2026-05-01 12:11Z', 'succeeded', NULL)""",
        UUID(job_id),
    )
    lines = [line.split("  ") for line in (await bellwork("jobs", "show", job_id)).splitlines()[-3:]]
    assert [[cell.strip() for cell in line if cell.strip()] for line in lines] == [
        ["attempt", "outcome", "worker", "started", "took", "error"],
        ["1", "retried", "host:7", "2026-05-01 12:00:00Z", "1.5 s", "PROVIDER_DOWN"],
        ["2", "succeeded", "host:8", "2026-05-01 12:01:00Z", "10 min"],
    ]


async def test_jobs_are_found_by_batch_and_time(client: ApiClient, bellwork: Bellwork) -> None:
    item = {"kind": "probe.echo", "payload": {"text": "x"}, "runAt": "2099-01-01T00:00:00Z"}
    batch = await client.expect(202, "POST", "/jobs/batch", json={"jobs": [item, item]})
    other = await waiting(client)
    of_batch = await bellwork("jobs", "list", "--parent", batch["id"])
    assert (of_batch.count("probe.echo"), other in of_batch) == (2, False)
    for words, found in (
        (["--from", "2020-01-01T12:00:00Z"], True), (["--to", "2090-01-01T12:00:00+02:00"], True),
        (["--from", "2090-01-01T12:00:00Z"], False), (["--to", "2020-01-01T12:00:00+02:00"], False),
    ):  # fmt: skip
        assert (other in await bellwork("jobs", "list", *words)) == found, words
    assert "needs an offset" in await bellwork("jobs", "list", "--from", "2020-01-01T12:00:00", code=2)


async def test_a_job_is_found_by_its_tag_and_moved(client: ApiClient, bellwork: Bellwork) -> None:
    job = await client.submit("probe.echo", {"text": "x"}, runAt="2099-01-01T00:00:00Z", tags=["spring", "import"])
    for words in (
        ["--tag", "autumn", "--tag", "spring"],
        ["--status", "failed", "--status", "scheduled"],
        ["--status", "failed,scheduled"],
        ["--status", "failed,running", "--status", "scheduled"],
    ):
        assert job["id"] in await bellwork("jobs", "list", *words)
    for words in (["--tag", "autumn"], ["--tag", "spring,import"], ["--status", "failed,running"]):
        assert job["id"] not in await bellwork("jobs", "list", *words)
    for faulty in ("scheduled,gone", "", "failed,"):
        assert "not one of scheduled, queued" in await bellwork("jobs", "list", "--status", faulty, code=2)
    await bellwork("jobs", "move", job["id"], code=2)
    await bellwork("jobs", "move", job["id"], "--now", "--at", "2098-01-01T00:00:00Z", code=2)
    output = await bellwork("jobs", "move", job["id"], "--at", "2098-01-01T00:00:00", code=1)
    assert "runAt needs an offset" in output
    output = await bellwork("jobs", "move", job["id"], "--at", "2098-01-01T00:00:00Z", "--priority", "0")
    assert output == "scheduled: runs at 2098-01-01 00:00:00Z, priority 0\n"
    await bellwork("jobs", "move", job["id"], "--start-by", "2098-06-01T00:00:00Z")
    assert (await client.expect(200, "GET", f"/jobs/{job['id']}"))["startBy"] == "2098-06-01T00:00:00Z"
    await bellwork("jobs", "move", job["id"], "--start-by", "never")
    assert (await client.expect(200, "GET", f"/jobs/{job['id']}"))["startBy"] is None
    assert (await bellwork("jobs", "move", job["id"], "--now")).startswith("queued: ")
    cancelled = await waiting(client)
    await client.expect(200, "POST", f"/jobs/{cancelled}/cancel")
    assert "this one is cancelled" in await bellwork("jobs", "move", cancelled, "--now", code=1)


async def test_queues_tell_what_waits_how_long_and_who_serves_them(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    await database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.echo', 'system')")
    await waiting(client)
    late = await client.submit("probe.echo", {"text": "x"})
    await database.execute("UPDATE jobs SET run_at = now() - interval '2 hours' WHERE id = $1", UUID(late["id"]))
    await database.execute("UPDATE jobs SET queue = 'nobodys' WHERE kind = 'probe.echo'")
    await database.execute(
        """INSERT INTO lanes (queue, worker, seen_at) VALUES
           ('shelf', 'new', now() - interval '40 minutes'), ('shelf', 'old', now() - interval '50 minutes')"""
    )
    output = await bellwork("queues")
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in output.splitlines()}
    assert rows["queue"] == "queued running retrying scheduled oldest worker seen"
    assert rows["nobodys"] == "1 0 0 1 2 h never"
    assert re.fullmatch(r"0 0 0 0 40(\.\d)? min ago", rows["shelf"])
    assert rows["paused:"].startswith("probe.echo;")


async def test_failed_jobs_are_shown_before_they_are_redriven(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    await fail(database, await waiting(client), "2026-05-01T12:00:00Z")
    output = await bellwork("jobs", "redrive", "--kind", "probe.echo")
    assert ("DISK_FULL" in output, "1 failed, of which 0 would be skipped" in output) == (True, True)
    assert "Nothing has been done yet" in output
    for words, jobs in (
        (["--from", "2026-05-01T12:00:00Z"], 1), (["--to", "2026-05-01T12:00:00Z"], 1),
        (["--from", "2026-05-01T12:00:01Z"], 0), (["--to", "2026-05-01T11:59:59Z"], 0),
    ):  # fmt: skip
        output = await bellwork("jobs", "redrive", *words)
        assert ("DISK_FULL" in output, "There are no such jobs" in output) == (bool(jobs), not jobs), words
    assert not await database.fetch("SELECT FROM jobs WHERE kind = 'jobs.redrive'")


async def test_a_redrive_is_made_with_its_bounds_and_its_caution(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    words = ["--from", "2026-05-01T12:00:00Z", "--to", "2026-05-02T12:00:00Z", "--error-code", "NONE_SUCH"]
    caution = ["--canary", "7", "--per-second", "3", "--failure-share", "0.05"]
    output = await bellwork("jobs", "redrive", "--kind", "probe.echo", *words, *caution, "--go")
    (job,) = await database.fetch("SELECT id, payload::text AS payload FROM jobs WHERE kind = 'jobs.redrive'")
    assert output == f"bellwork jobs watch {job['id']}\n"
    payload = (await client.expect(200, "GET", f"/jobs/{job['id']}"))["payload"]
    assert {name: payload[name] for name in ("canary", "perSecond", "stopAtFailureShare")} == {
        "canary": 7, "perSecond": 3, "stopAtFailureShare": 0.05,
    }  # fmt: skip
    assert {name: payload["filter"][name] for name in ("kind", "from", "to", "errorCode")} == {
        "kind": "probe.echo", "from": "2026-05-01T12:00:00Z", "to": "2026-05-02T12:00:00Z", "errorCode": "NONE_SUCH",
    }  # fmt: skip
    for share in ("0", "1.1", "nan", "much"):
        assert "is not a share" in await bellwork("jobs", "redrive", "--failure-share", share, code=2)


async def test_many_jobs_are_shown_before_they_are_cancelled(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    one, two = await waiting(client), await waiting(client)
    output = await bellwork("jobs", "cancel", "--kind", "probe.echo")
    assert [line.split() for line in output.splitlines()[:2]] == [
        ["kind", "state", "jobs"], ["probe.echo", "scheduled", "2"],
    ]  # fmt: skip
    assert "Nothing has been done yet" in output
    assert "no such jobs" in await bellwork("jobs", "cancel", "--kind", "probe.echo", "--to", "2020-01-01T00:00:00Z")
    for states, shown in (("queued,scheduled", True), ("queued,retrying", False)):
        assert ("probe.echo" in await bellwork("jobs", "cancel", "--status", states)) == shown
    assert not await database.fetch("SELECT FROM jobs WHERE kind = 'jobs.cancel'")
    assert "jobs watch" in await bellwork("jobs", "cancel", one, two, "--running", "--go")
    (job,) = await database.fetch("SELECT payload->'filter'->'ids' AS ids, owner FROM jobs WHERE kind = 'jobs.cancel'")
    assert (one in str(job["ids"]), two in str(job["ids"]), job["owner"]) == (True, True, "system")
    for words, told, code in (
        ((), "at least one", 1), (("--running",), "at least one", 1), (("--from", "2026-01-01T00:00:00"), "offset", 2),
        (("--to", "yesterday"), "instant", 2),
    ):  # fmt: skip
        assert told in await bellwork("jobs", "cancel", *words, "--go", code=code)


async def test_the_lines_of_a_jobs_log_are_shown_and_followed_to_its_end(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    job_id = await waiting(client)
    assert "said nothing" in await bellwork("jobs", "logs", job_id)
    job = await claim_now(database, job_id)
    said = [("one [bold]", LogLevel.INFO, {"n": 1}), ("two", LogLevel.ERROR, {})]
    lines = [Sent(line_of(*each), place, 0.0) for place, each in enumerate(said, 1)]
    following = asyncio.create_task(bellwork("jobs", "logs", job_id, "--follow"))
    await keep_lines(database, job, lines)
    await close(database, job, after_success(b"{}", 0.1))
    output = await following
    assert [line.split(" ", 2)[2] for line in output.splitlines()] == ['1 info    one [bold] {"n": 1}', "1 error   two"]
    assert output.count("one") == 1
    assert "one" not in await bellwork("jobs", "logs", job_id, "--level", "error", "--level", "warning")
    assert "no such lines" in await bellwork("jobs", "logs", job_id, "--attempt", "2")
    assert f"It said 2 lines: bellwork jobs logs {job_id}" in await bellwork("jobs", "show", job_id)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("words", ["show", "watch", "explain", "logs", "cancel", "retry", "move --now"])
async def test_a_job_that_is_not_there_is_one_clear_line(bellwork: Bellwork, words: str) -> None:
    verb, *options = words.split()
    assert await bellwork("jobs", verb, NOWHERE, *options, code=1) == f"bellwork: There is no job {NOWHERE}.\n"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("words", ["jobs list", "jobs redrive", "jobs cancel", "schedules"])
async def test_a_kind_that_is_misspelt_is_one_clear_line(bellwork: Bellwork, words: str) -> None:
    output = await bellwork(*words.split(), "--kind", "probe.ehco", code=1)
    assert output == "bellwork: There is no kind probe.ehco; `bellwork kinds` lists them.\n"


async def test_jobs_of_a_kind_that_is_gone_are_listed(
    client: ApiClient, database: Database, bellwork: Bellwork
) -> None:
    job_id = await waiting(client)
    await database.execute("UPDATE jobs SET kind = 'probe.gone' WHERE id = $1", UUID(job_id))
    assert job_id in await bellwork("jobs", "list", "--kind", "probe.gone")
