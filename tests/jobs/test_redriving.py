"""Failed jobs run again: those that may, once each, and no more than went well so far."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

import tasks.jobs
from models.jobs.jobs import Redrive, RedriveFilter
from models.jobs.kinds import kind_named
from models.jobs.records import JobRecord
from models.jobs.redriving import Place, Retried, retry_next
from models.jobs.service import JobOptions, enqueue, get_job
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from tasks.context import Tools
from tasks.runtime import Runtime
from tests.support.client import ApiClient, eventually
from tests.support.jobs import LATER
from tests.support.probes import Break, Echo
from tests.support.statements import waits_for_a_lock

FAR = datetime(2199, 1, 1, tzinfo=UTC)


async def failed(client: ApiClient, database: Database, text: str, kind: str = "probe.echo", **options: Any) -> str:
    """A job that has failed, without having run."""
    payload = {"text": text} if kind == "probe.echo" else {"label": text}
    job = await client.submit(kind, payload, runAt=LATER, **options)
    await fail(database, job["id"])
    return str(job["id"])


async def fail(database: Database, *ids: str) -> None:
    await database.execute(
        """UPDATE jobs SET status = 'failed', finished_at = clock_timestamp(),
               error = '{"code": "PROVIDER_DOWN", "message": "503", "retryable": true}' WHERE id = ANY($1)""",
        [UUID(id_) for id_ in ids],
    )


async def redrive(client: ApiClient, **body: Any) -> Any:
    job = await client.expect(202, "POST", "/jobs/redrive", json=body)
    done = await client.finish(job["id"], within=60)
    assert done["status"] == "succeeded", done["error"]
    return done


async def statuses(client: ApiClient, *ids: str) -> list[str]:
    return [(await client.expect(200, "GET", f"/jobs/{id_}"))["status"] for id_ in ids]


@pytest.mark.usefixtures("workers")
async def test_of_jobs_with_one_key_the_newest_runs_again_and_none_beside_an_unfinished_one(
    client: ApiClient, database: Database
) -> None:
    older, newer = [await failed(client, database, f"k{n}", dedupeKey="k") for n in range(2)]
    beside = await failed(client, database, "t", dedupeKey="t")
    twin = (await client.submit("probe.echo", {"text": "t"}, dedupeKey="t", runAt=LATER))["id"]
    plain = await failed(client, database, "plain")
    preview = await client.expect(200, "POST", "/jobs/redrive", json={"kind": "probe.echo", "preview": True})
    assert (preview["total"], preview["skipped"]) == (4, 2)
    done = await redrive(client, kind="probe.echo", canary=0)
    assert [done["result"][name] for name in ("matched", "retried", "skipped")] == [4, 2, 2]
    for id_ in (newer, plain):
        assert (await client.finish(id_))["status"] == "succeeded"
    assert await statuses(client, older, beside, twin) == ["failed", "failed", "scheduled"]


@pytest.mark.usefixtures("workers")
async def test_what_a_redrive_keeps_does_not_grow_with_what_it_has_done(client: ApiClient, database: Database) -> None:
    jobs = [{"kind": "probe.echo", "payload": {"text": str(n)}, "runAt": LATER} for n in range(400)]
    parent = await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs})
    rows = await database.fetch("SELECT id FROM jobs WHERE parent_id = $1", UUID(parent["id"]))
    await fail(database, *(str(row["id"]) for row in rows))
    done = await redrive(client, kind="probe.echo", canary=0, perSecond=300)
    assert done["result"]["retried"] == 400
    (row,) = await database.fetch("SELECT length(state::text) AS size FROM jobs WHERE id = $1", UUID(done["id"]))
    assert row["size"] < 300


@pytest.mark.usefixtures("workers")
async def test_each_job_gets_the_attempts_of_its_kind(client: ApiClient, database: Database) -> None:
    job_id = await failed(client, database, "x")
    await redrive(client)
    assert (await client.finish(job_id))["maxAttempts"] == 3


@pytest.mark.usefixtures("workers")
async def test_jobs_of_a_paused_kind_are_not_taken_for_canaries(client: ApiClient, database: Database) -> None:
    paused = await failed(client, database, "x")
    other = await failed(client, database, "y", kind="probe.effect")
    await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": True})
    problem = await client.expect(409, "POST", "/jobs/redrive", json={"kind": "probe.echo"})
    assert "paused" in problem["detail"]
    preview = await client.expect(200, "POST", "/jobs/redrive", json={"preview": True})
    groups = {group["kind"]: (group["jobs"], group["skipped"], group["paused"]) for group in preview["groups"]}
    assert groups == {"probe.echo": (1, 1, True), "probe.effect": (1, 0, False)}
    done = await redrive(client)
    assert [done["result"][name] for name in ("matched", "retried", "skipped", "stopped")] == [2, 1, 1, False]
    assert await statuses(client, paused, other) == ["failed", "succeeded"]


@pytest.mark.usefixtures("workers")
async def test_a_redrive_whose_worker_dies_still_waits_for_its_canaries(client: ApiClient, database: Database) -> None:
    slow = {"label": "c", "seconds": 8, "final": True}
    ids = [(await client.submit("probe.effect", slow, runAt=LATER))["id"] for _ in range(4)]
    await fail(database, *ids)
    job = await client.expect(202, "POST", "/jobs/redrive", json={"kind": "probe.effect", "canary": 1})

    async def canary_runs() -> Any:
        rows = await database.fetch("SELECT 1 FROM jobs WHERE kind = 'probe.effect' AND status = 'running'")
        return rows and await database.fetch(
            "SELECT worker FROM jobs WHERE id = $1 AND status = 'running'", UUID(job["id"])
        )

    ((worker,),) = await eventually(canary_runs)
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    done = await client.finish(job["id"], within=60)
    assert (done["result"]["retried"], done["result"]["failedAgain"]) == (1, 1)
    outcomes = await client.expect(200, "GET", f"/jobs/{job['id']}/attempts")
    assert "lost" in [attempt["outcome"] for attempt in outcomes]
    assert (done["result"]["stopped"], done["result"]["skipped"]) == (True, 0)


@pytest.mark.usefixtures("workers")
async def test_a_redrive_whose_first_jobs_take_long_says_so_and_gives_its_worker_back(
    client: ApiClient, database: Database
) -> None:
    slow = {"steps": ["a", "b"], "seconds": 3}
    await fail(database, (await client.submit("probe.steps", slow, runAt=LATER))["id"])
    redriving = (await client.expect(202, "POST", "/jobs/redrive", json={"kind": "probe.steps"}))["id"]

    async def is_put_off() -> Any:
        job = await client.expect(200, "GET", f"/jobs/{redriving}")
        return job if job["status"] == "retrying" else None

    waiting = await eventually(is_put_off)
    assert waiting["progress"]["message"] == "waiting for the first few to end: 1 running"
    done = await client.finish(redriving)
    assert (done["status"], done["result"]["succeeded"]) == ("succeeded", 1)


@pytest.mark.usefixtures("workers")
async def test_a_redrive_whose_worker_dies_goes_on_and_runs_no_job_twice(client: ApiClient, database: Database) -> None:
    jobs = [{"kind": "probe.effect", "payload": {"label": str(n)}, "runAt": LATER} for n in range(300)]
    parent = await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs})
    rows = await database.fetch("SELECT id FROM jobs WHERE parent_id = $1", UUID(parent["id"]))
    await fail(database, *(str(row["id"]) for row in rows))
    body = {"kind": "probe.effect", "canary": 0, "perSecond": 60}
    redriving = (await client.expect(202, "POST", "/jobs/redrive", json=body))["id"]

    async def under_way() -> Any:
        return await database.fetch(
            """SELECT worker FROM jobs WHERE id = $1 AND status = 'running'
               AND (SELECT count(*) FROM probe_effects) >= 60""",
            UUID(redriving),
        )

    ((worker,),) = await eventually(under_way)
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    done = await client.finish(redriving, within=60)
    assert (done["result"]["matched"], done["result"]["retried"], done["result"]["skipped"]) == (300, 300, 0)
    assert (await client.finish(parent["id"]))["result"]["succeeded"] == 300
    (row,) = await database.fetch("SELECT count(*) AS n, count(DISTINCT job_id) AS jobs FROM probe_effects")
    assert (row["n"], row["jobs"]) == (300, 300)


@pytest.mark.usefixtures("workers")
async def test_two_redrives_do_not_take_all_workers_from_their_canaries(client: ApiClient, database: Database) -> None:
    one, other = await failed(client, database, "x"), await failed(client, database, "y", kind="probe.effect")
    jobs = [
        await client.expect(202, "POST", "/jobs/redrive", json={"kind": kind})
        for kind in ("probe.echo", "probe.effect")
    ]
    for job in jobs:
        assert (await client.finish(job["id"], within=60))["result"]["succeeded"] == 1
    assert await statuses(client, one, other) == ["succeeded"] * 2


@pytest.mark.usefixtures("workers")
async def test_a_redrive_stops_when_the_kind_of_its_canaries_is_paused(client: ApiClient, database: Database) -> None:
    again = {"label": "x", "seconds": 2, "failUntil": 99}
    ids = [(await client.submit("probe.effect", again, runAt=LATER))["id"] for _ in range(3)]
    await fail(database, *ids)
    job = await client.expect(202, "POST", "/jobs/redrive", json={"kind": "probe.effect", "canary": 1})

    async def canary_runs() -> Any:
        return await database.fetch("SELECT 1 FROM jobs WHERE kind = 'probe.effect' AND status = 'running'")

    await eventually(canary_runs)
    await client.expect(200, "PATCH", "/job-kinds/probe.effect", json={"paused": True})
    done = await client.finish(job["id"])
    assert (done["result"]["stopped"], done["result"]["reason"], done["result"]["retried"]) == (True, "kind_paused", 1)
    (line,) = await client.logs(done["id"])
    assert line["message"] == "Stopped, because kinds of the first few were paused."
    assert (line["level"], line["fields"]) == ("warning", {"kinds": ["probe.effect"]})
    assert sorted(await statuses(client, *ids))[:2] == ["failed", "failed"]


@pytest.mark.usefixtures("workers")
async def test_jobs_named_by_their_ids_run_again_and_no_others(client: ApiClient, database: Database) -> None:
    named, unnamed = [await failed(client, database, text) for text in "ab"]
    waits = (await client.submit("probe.echo", {"text": "c"}, runAt=LATER))["id"]
    done = await redrive(client, ids=[named, waits])
    assert (done["result"]["matched"], done["result"]["retried"]) == (1, 1)
    assert await statuses(client, named, unnamed, waits) == ["succeeded", "failed", "scheduled"]
    for ids in ([], ["x"], [named] * 1001):
        await client.expect(400, "POST", "/jobs/redrive", json={"ids": ids})


@pytest.mark.usefixtures("workers")
async def test_an_ended_batch_runs_again_with_its_redriven_jobs(client: ApiClient, database: Database) -> None:
    jobs = [{"kind": "probe.effect", "payload": {"label": "x", "failUntil": 3}} for _ in range(2)]
    parent = (await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs}))["id"]
    assert (await client.finish(parent))["status"] == "failed"
    await redrive(client, kind="probe.effect")
    done = await client.finish(parent)
    assert (done["status"], done["result"]["succeeded"]) == ("succeeded", 2)


@pytest.mark.usefixtures("workers")
async def test_what_was_to_start_earlier_runs_late_only_for_who_says_so(client: ApiClient, database: Database) -> None:
    job_id = await failed(client, database, "x")
    await database.execute('UPDATE jobs SET error = \'{"code": "EXPIRED"}\' WHERE id = $1', UUID(job_id))
    assert (await redrive(client, kind="probe.echo"))["result"]["skipped"] == 1
    assert (await redrive(client, errorCode="EXPIRED"))["result"]["retried"] == 1
    assert (await client.finish(job_id))["status"] == "succeeded"


async def test_retrying_many_needs_what_asking_for_each_needs(client: ApiClient, database: Database) -> None:
    body = {"kind": "finance.recalculate", "payload": {"all": True}, "runAt": LATER}
    await fail(database, (await client.expect(202, "POST", "/jobs", json=body))["id"])
    key = await client.create("/api-keys", name="integration", scopes=["write:jobs", "read:*"])
    headers = {"Authorization": f"Bearer {key['secret']}"}
    preview = await client.expect(200, "POST", "/jobs/redrive", json={"preview": True}, headers=headers)
    assert (preview["total"], preview["skipped"]) == (1, 1)
    named = {"kind": "finance.recalculate", "preview": True}
    await client.expect(403, "POST", "/jobs/redrive", json=named, headers=headers)
    assert (await client.expect(200, "POST", "/jobs/redrive", json=named))["skipped"] == 0


async def test_a_submit_of_the_same_key_at_the_same_moment_wins_and_the_rest_goes_on(quiet_database: Database) -> None:
    ids = [
        (await enqueue(quiet_database, SYSTEM, Echo(text="x"), JobOptions(dedupe_key=str(n), run_at=FAR))).id
        for n in range(9)
    ]
    await fail(quiet_database, *map(str, ids))
    async with asyncio.TaskGroup() as group, quiet_database.transaction() as session:
        await enqueue(session, SYSTEM, Echo(text="twin"), JobOptions(dedupe_key="4", run_at=FAR))
        step = group.create_task(retry_some(quiet_database, 100))

        async def waits_for_the_submit() -> Any:
            return await waits_for_a_lock(quiet_database, "jobs")

        await eventually(waits_for_the_submit)
    retried = [id_ for each in step.result() for id_ in each.ids]
    assert sorted(retried) == sorted({*ids} - {ids[4]})
    assert sum(each.skipped for each in step.result()) == 1


async def retry_some(database: Database, limit: int) -> list[Retried]:
    """All steps of a redrive."""
    place, steps = Place(), list[Retried]()
    async with database.transaction() as session:
        while step := await retry_next(session, UUID(int=1), RedriveFilter(), place, limit):
            steps.append(step)
            place = step.place
    return steps


@pytest.mark.usefixtures("workers")
async def test_failed_jobs_are_previewed_by_error_and_run_again(client: ApiClient) -> None:
    failed = [await client.submit("probe.effect", {"label": f"r{n}", "failUntil": 3}) for n in range(6)]
    failed.append(await client.submit("probe.effect", {"label": "other", "final": True}))
    for each in failed:
        assert (await client.finish(each["id"]))["status"] == "failed"
    preview = await client.expect(200, "POST", "/jobs/redrive", json={"kind": "probe.effect", "preview": True})
    assert {group["code"]: group["jobs"] for group in preview["groups"]} == {"PROVIDER_DOWN": 6, "UNPROCESSABLE": 1}
    body = {"kind": "probe.effect", "errorCode": "PROVIDER_DOWN", "canary": 2}
    redrive = await client.finish((await client.expect(202, "POST", "/jobs/redrive", json=body))["id"], within=60)
    assert redrive["status"] == "succeeded"
    assert (redrive["result"]["matched"], redrive["result"]["retried"], redrive["result"]["stopped"]) == (6, 6, False)
    for each in failed[:6]:
        assert (await client.finish(each["id"]))["status"] == "succeeded"
    assert (await client.expect(200, "GET", f"/jobs/{failed[6]['id']}"))["status"] == "failed"


@pytest.mark.usefixtures("workers")
async def test_a_redrive_stops_when_its_canaries_break_again_however_long_they_would_be_tried(
    quiet_database: Database, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next attempt of such a one may be days away."""
    monkeypatch.setattr(tasks.jobs, "PATIENCE_SECONDS", 0.0)
    job = await enqueue(quiet_database, SYSTEM, Break(), JobOptions(max_attempts=1))
    redrive = await enqueue(quiet_database, SYSTEM, Redrive(filter=RedriveFilter(kind="probe.break"), canary=1))

    async def perform(id_: UUID, kind: str) -> JobRecord:
        await quiet_database.execute(
            "UPDATE jobs SET status = 'queued', published_at = now() WHERE id = $1 AND finished_at IS NULL", id_
        )
        await Runtime(tools, "w").perform(kind_named(kind), [id_])
        return await get_job(quiet_database, id_)

    await perform(job.id, "probe.break")
    await quiet_database.execute("UPDATE jobs SET created_at = clock_timestamp() WHERE id = $1", redrive.id)
    assert (await perform(redrive.id, "jobs.redrive")).status == "retrying"
    assert (await perform(job.id, "probe.break")).status == "retrying"
    ended = await perform(redrive.id, "jobs.redrive")
    assert ended.status == "succeeded"
    result = msgspec.json.decode(bytes(ended.result))
    assert (result["failedAgain"], result["stopped"], result["reason"]) == (1, True, "failures")


async def test_a_redrive_stops_itself_when_its_canaries_fail_again(client: ApiClient) -> None:
    failed = [await client.submit("probe.effect", {"label": f"s{n}", "final": True}) for n in range(8)]
    for each in failed:
        await client.finish(each["id"])
    body = {"kind": "probe.effect", "canary": 2}
    redrive = await client.finish((await client.expect(202, "POST", "/jobs/redrive", json=body))["id"], within=60)
    assert (redrive["result"]["retried"], redrive["result"]["stopped"]) == (2, True)
    (line,) = await client.logs(redrive["id"])
    assert line["message"] == "Stopped, because too many failed again."
    assert (line["level"], line["fields"]) == ("warning", {"failed": 2, "succeeded": 0})
    attempts = [(await client.expect(200, "GET", f"/jobs/{each['id']}"))["attempt"] for each in failed]
    assert sorted(attempts) == [1] * 6 + [2] * 2
