"""Every command shows texts of users as they were written, wherever they stand."""

from uuid import UUID

from models.jobs.lifecycle import close, report_progress
from models.jobs.logs import Sent, keep_lines, line_of
from models.jobs.rules import LogLevel, Progress
from models.kernel.session import Database
from tasks.outcomes import after_success
from tests.cli.conftest import Bellwork
from tests.cli.test_jobs import claim_now, fail
from tests.support.client import ApiClient

ODD = "[/b] [true] [null] :smile:"


async def odd_job(client: ApiClient) -> str:
    options = {"runAt": "2099-01-01T00:00:00Z", "tags": [f"tag {ODD}"], "dedupeKey": f"key {ODD}"}
    job = await client.submit("probe.echo", {"text": f"payload {ODD}"}, **options)
    return str(job["id"])


async def test_of_a_job(client: ApiClient, database: Database, bellwork: Bellwork) -> None:
    job_id = await odd_job(client)
    sql = "UPDATE jobs SET owner = $2, result = jsonb_build_array(true, NULL, $2::text), request_id = $2 WHERE id = $1"
    await database.execute(sql, UUID(job_id), f"owner {ODD}")
    await database.execute(
        """INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
           VALUES ($1, 1, $2, now(), now(), 'failed', jsonb_build_object('code', $3::text))""",
        UUID(job_id), f"worker {ODD}", f"code {ODD}",
    )  # fmt: skip
    await fail(database, job_id, "2026-05-01T12:00:00Z", f"failure {ODD}", f"message {ODD}")
    shown = await bellwork("jobs", "show", job_id)
    assert f'result        [true, null, "owner {ODD}"]\n' in shown
    for word in ("payload", "tag", "key", "owner", "worker", "code", "failure", "message"):
        assert f"{word} {ODD}" in shown, word
    grouped = await bellwork("jobs", "redrive")
    assert f"failure {ODD}" in grouped
    assert f"message {ODD}" in grouped


async def test_of_one_that_runs(client: ApiClient, database: Database, bellwork: Bellwork) -> None:
    job_id = await odd_job(client)
    job = await claim_now(database, job_id)
    await database.execute("UPDATE jobs SET worker = $2 WHERE id = $1", job.id, f"worker {ODD}")
    await report_progress(database, job, Progress(1, 2, f"step {ODD}"))
    assert f"worker {ODD}" in await bellwork("jobs", "explain", job_id)
    line = line_of(f"line {ODD}", LogLevel.INFO, {"field": ODD})
    await keep_lines(database, job, [Sent(line, 1, 0.0)])
    assert f'line {ODD} {{"field": "{ODD}"}}\n' in await bellwork("jobs", "logs", job_id)
    await close(database, job, after_success(b"{}", 0.1))
    assert f"probe.echo succeeded 1/2 step {ODD}\n" in await bellwork("jobs", "watch", job_id)


async def test_of_kinds_and_queues(client: ApiClient, database: Database, bellwork: Bellwork) -> None:
    job_id = await odd_job(client)
    sql = "UPDATE jobs SET kind = $2, queue = $3 WHERE id = $1"
    await database.execute(sql, UUID(job_id), f"kind {ODD}", f"queue {ODD}")
    await database.execute("INSERT INTO paused_kinds VALUES ($1, 'me', now()), ('probe.echo', $2, now())",
                           f"paused {ODD}", f"pauser {ODD}")  # fmt: skip
    for words in ("jobs list", "jobs cancel --status scheduled"):
        assert f"kind {ODD}" in await bellwork(*words.split()), words
    queues = await bellwork("queues")
    assert f"queue {ODD}" in queues
    assert f"paused {ODD}" in queues
    assert f"pauser {ODD}" in await bellwork("kinds")


async def test_of_a_schedule(client: ApiClient, database: Database, bellwork: Bellwork) -> None:
    body = {"kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *"}
    await client.create("/schedules", name=f"name {ODD}", **body)
    error = "jsonb_build_object('code', 'BAD', 'message', $1::text, 'at', now()::text)"
    await database.execute(f"UPDATE schedules SET last_error = {error}", f"message {ODD}")
    output = await bellwork("schedules")
    assert f"name {ODD}" in output
    assert f"BAD: message {ODD}" in output


async def test_of_what_was_typed(client: ApiClient, bellwork: Bellwork) -> None:
    assert f"There is no kind {ODD};" in await bellwork("kinds", "pause", ODD, code=1)
    assert f"{ODD} is not an instant" in await bellwork("jobs", "list", "--to", ODD, code=2)
