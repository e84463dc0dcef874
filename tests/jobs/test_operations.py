"""What operators do: explain, pause, and be told when to look again."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from models.jobs.batches import Reached, prune
from models.jobs.dispatching import take_due
from models.jobs.explain import Facts, Reason, explain
from models.jobs.limits import NO_LIMITS, UNUSED, Limits, Rate, Use
from models.jobs.liveness import see_scheduler, see_worker
from models.jobs.operations import explain_job
from models.jobs.pace import Pace, Quantiles, QueueAhead, next_look
from models.jobs.records import JobRecord
from models.jobs.rules import JobError, JobStatus, Queue
from models.jobs.service import JobOptions, enqueue, enqueue_many
from models.kernel.actor import SYSTEM, Actor
from models.kernel.ids import new_id
from models.kernel.session import Database
from tests.conftest import sign_in
from tests.jobs.test_rules import job_at
from tests.support.client import ApiClient, eventually
from tests.support.probes import Echo, Limited

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PACE = Pace(Quantiles(2.0, 5.0), Quantiles(10.0, 30.0))
IDLE, SHORT, LONG = QueueAhead(0, 0, 0.2), QueueAhead(10, 2, 0.2), QueueAhead(400, 4, 0.2)
UNKNOWN = dict.fromkeys(Facts.__struct_fields__)


def job(status: JobStatus, *, due: float = 0.0, started: float | None = None) -> JobRecord:
    """Seconds are relative to now, negative ones in the past."""
    began = None if started is None else NOW + timedelta(seconds=started)
    return msgspec.structs.replace(job_at(1), status=status, run_at=NOW + timedelta(seconds=due), started_at=began)


@pytest.mark.parametrize(
    ("looked_at", "ahead", "seconds"),
    [
        pytest.param(job(JobStatus.QUEUED), SHORT, 12, id="usual wait and usual run"),
        pytest.param(job(JobStatus.QUEUED, due=-1.5), SHORT, 11, id="part of the wait is over"),
        pytest.param(job(JobStatus.QUEUED), IDLE, 10, id="where nobody waits others' waits are past"),
        pytest.param(job(JobStatus.QUEUED), QueueAhead(1, 0, 0.2), 11, id="also where one waits for a moment"),
        pytest.param(job(JobStatus.QUEUED), LONG, 30, id="a long queue ahead"),
        pytest.param(job(JobStatus.SCHEDULED, due=20), SHORT, 32, id="not due yet"),
        pytest.param(job(JobStatus.SCHEDULED, due=7200), IDLE, 60, id="never longer than a minute"),
        pytest.param(job(JobStatus.RUNNING, started=-4), IDLE, 6, id="what is left of the median run"),
        pytest.param(job(JobStatus.RUNNING, started=-12), IDLE, 18, id="then of the 95th percentile"),
        pytest.param(job(JobStatus.RUNNING, started=-40), IDLE, 20, id="then half as long again"),
        pytest.param(job(JobStatus.RUNNING, started=-9.9), IDLE, 1, id="at least a second"),
    ],
)
def test_when_to_look_again(looked_at: JobRecord, ahead: QueueAhead, seconds: int) -> None:
    assert next_look(looked_at, PACE, ahead, NOW) == seconds


# All is well, and nothing is before the job.
FACTS = Facts(**UNKNOWN | {  # type: ignore[arg-type]
    "job": msgspec.structs.replace(job(JobStatus.QUEUED), kind="k", queue="default", attempt=1), "known": True,
    "now": NOW, "limits": NO_LIMITS, "use": UNUSED, "key_use": UNUSED, "waiting_before": 0, "worker_seen_at": NOW,
    "scheduler_seen_at": NOW,
})  # fmt: skip


async def reasons_of(database: Database, job: JobRecord) -> list[str]:
    return [because.reason for because in (await explain_job(database, job.id)).because]


async def reasons(client: ApiClient, job_id: str) -> list[str]:
    explanation = await client.expect(200, "GET", f"/jobs/{job_id}/explain")
    assert explanation["next"]
    return [because["reason"] for because in explanation["because"]]


@pytest.mark.usefixtures("workers")
async def test_a_paused_kind_waits_says_so_and_goes_on_when_resumed(client: ApiClient, database: Database) -> None:
    kind = await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": True})
    (user,) = await database.fetch("SELECT id FROM users")
    (pause,) = await database.fetch("SELECT paused_at FROM paused_kinds")
    assert (kind["paused"], kind["pausedBy"]) == (True, f"user:{user['id']}")
    assert datetime.fromisoformat(kind["pausedAt"]) == pause["paused_at"]
    assert (await client.expect(200, "GET", "/job-kinds/probe.echo"))["pausedBy"] == kind["pausedBy"]
    kinds = {each["name"]: each for each in await client.expect(200, "GET", "/job-kinds")}
    told = [(kinds[name]["pausedBy"], kinds[name]["pausedAt"]) for name in ("probe.echo", "probe.effect")]
    assert told == [(kind["pausedBy"], kind["pausedAt"]), (None, None)]
    waiting = await client.submit("probe.echo", {"text": "x"})
    other = await client.submit("probe.effect", {"label": "other"})
    assert (await client.finish(other["id"]))["status"] == "succeeded"
    assert (await reasons(client, waiting["id"]))[0] == "kind_paused"
    kind = await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": False})
    assert (kind["paused"], kind["pausedBy"], kind["pausedAt"]) == (False, None, None)
    assert (await client.finish(waiting["id"]))["status"] == "succeeded"
    assert await reasons(client, waiting["id"]) == ["ended"]
    await client.expect(200, "PATCH", "/job-kinds/probe.echo", json={"paused": True})
    await sign_in(client, database, "manager")
    await client.expect(403, "PATCH", "/job-kinds/probe.echo", json={"paused": False})
    shown = await client.expect(200, "GET", "/job-kinds/probe.echo")
    assert (shown["paused"], shown["pausedBy"], shown["pausedAt"] is None) == (True, None, False)


@pytest.mark.usefixtures("workers")
async def test_a_job_is_explained_in_every_state(client: ApiClient) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    scheduled = await client.submit("probe.echo", {"text": "x"}, runAt=later)
    assert await reasons(client, scheduled["id"]) == ["run_at_ahead"]
    running = await client.submit("probe.effect", {"label": "slow", "seconds": 30, "steps": 300})

    async def runs() -> bool:
        return await reasons(client, running["id"]) == ["running"]

    assert await eventually(runs)
    await client.request("POST", f"/jobs/{running['id']}/cancel", headers={"Prefer": "wait=20"})
    assert await reasons(client, running["id"]) == ["ended"]
    batch = await client.expect(
        202, "POST", "/jobs/batch", json={"jobs": [{"kind": "probe.echo", "payload": {"text": "x"}, "runAt": later}]}
    )
    assert await reasons(client, batch["id"]) == ["children_unfinished"]


async def test_what_waits_before_a_job_are_its_owners_jobs_for_owners_take_turns(quiet_database: Database) -> None:
    one, other = Actor("user", new_id()), Actor("user", new_id())
    await enqueue_many(quiet_database, one, [Echo(text="x") for _ in range(3)])
    last = await enqueue(quiet_database, one, Echo(text="last"))
    alone = (await explain_job(quiet_database, last.id)).because[-1]
    assert alone.detail == "3 of its owner's jobs wait in `default` before it."
    await enqueue(quiet_database, other, Echo(text="x"), JobOptions(priority=9))
    among_others = (await explain_job(quiet_database, last.id)).because[-1]
    assert among_others.detail == f"{alone.detail} Others have jobs there too; owners take turns."


async def test_who_is_missing_between_a_job_and_a_worker_is_said(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))

    async def first() -> tuple[str, str]:
        because = (await explain_job(quiet_database, job.id)).because[0]
        return because.reason, because.detail

    assert await first() == ("no_scheduler", "No scheduler has looked at what waits so far: nothing is sent.")
    await see_scheduler(quiet_database, "s", broker_away=True)
    assert (await first())[0] == "broker_away"
    await see_scheduler(quiet_database, "s", broker_away=False)
    assert await first() == ("no_worker", "No worker has taken anything from `default` so far.")
    await see_worker(quiet_database, ["default"], "w")
    assert (await first())[0] == "queue_ahead"
    await quiet_database.execute("UPDATE lanes SET seen_at = '2026-05-01T12:00:00Z'")
    assert (await first())[1] == "No worker has taken anything from `default` since 2026-05-01T12:00:00Z."
    await quiet_database.execute("UPDATE schedulers_seen SET seen_at = '2026-05-01T12:00:00Z'")
    assert (await first())[1] == "No scheduler has looked at what waits since 2026-05-01T12:00:00Z: nothing is sent."


async def test_a_job_that_was_sent_waits_for_a_worker_or_for_the_broker(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    async with quiet_database.transaction() as session:
        await take_due(session, Queue.DEFAULT, 1)
    await see_worker(quiet_database, ["default"], "w")
    await see_scheduler(quiet_database, "s", broker_away=False)
    assert await reasons_of(quiet_database, job) == ["sent_to_workers"]
    await see_scheduler(quiet_database, "s", broker_away=True)
    assert await reasons_of(quiet_database, job) == ["broker_away", "sent_to_workers"]


async def test_a_limit_that_is_reached_is_said(quiet_database: Database) -> None:
    first, second = [await enqueue(quiet_database, SYSTEM, Limited(key="k")) for _ in range(2)]
    await quiet_database.execute("UPDATE jobs SET published_at = now() WHERE id = $1", first.id)
    assert "key_limit" in await reasons_of(quiet_database, second)
    assert "key_limit" not in await reasons_of(quiet_database, await enqueue(quiet_database, SYSTEM, Limited(key="l")))


def test_every_kind_may_be_limited_in_all() -> None:
    full = msgspec.structs.replace(FACTS, limits=Limits(in_all=2), use=Use(under_way=2))
    assert explain(full).because[0].detail == "2 jobs of `k` are under way, the most there may be."
    assert explain(FACTS).because[0].reason == Reason.QUEUE_AHEAD


@pytest.mark.parametrize(("seconds", "words"), [(0.25, "in 0.25 s"), (42.0, "in 42 s"), (3600.4, "in 3,600 s")])
def test_when_there_is_room_again_under_a_rate_is_said_in_plain_numbers(seconds: float, words: str) -> None:
    spent = Use(starts=5, opens_in=seconds)
    full = msgspec.structs.replace(FACTS, limits=Limits(rate=Rate(5, 7200.0)), use=spent)
    assert explain(full).because[0].detail.endswith(f"there is room again {words}.")


def test_a_wait_between_attempts_says_until_when() -> None:
    broken = JobError("E", "It broke.", retryable=True)
    retrying = msgspec.structs.replace(
        job(JobStatus.RETRYING, due=60), error=msgspec.Raw(msgspec.json.encode(broken)), max_attempts=5
    )
    found = explain(msgspec.structs.replace(FACTS, job=retrying))
    assert found.because[0].reason == Reason.BACKOFF
    assert found.because[0].detail == "Attempt 1 of 5 broke; it waits until 2026-05-01T12:01:00Z."
    assert found.next == "Attempt 2 follows."


def test_a_stop_that_was_asked_for_comes_before_that_it_runs() -> None:
    asked = msgspec.structs.replace(job(JobStatus.RUNNING, started=-5), cancel_requested_at=NOW)
    found = explain(msgspec.structs.replace(FACTS, job=asked, worker="w", lease_until=NOW))
    assert [because.reason for because in found.because] == [Reason.STOP_REQUESTED, Reason.RUNNING]
    assert found.because[0].detail == "It was asked to stop at 2026-05-01T12:00:00Z."


@pytest.mark.usefixtures("workers")
async def test_an_unchanged_job_is_not_sent_again(client: ApiClient) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    job = await client.submit("probe.echo", {"text": "x"}, runAt=later)
    first = await client.get(f"/jobs/{job['id']}")
    assert 1 <= int(first.headers["retry-after"]) <= 60
    again = await client.get(f"/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "retry-after" in again.headers
    await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    changed = await client.get(f"/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")
    assert "retry-after" not in changed.headers


async def test_ended_jobs_are_forgotten_when_their_time_is_over(quiet_database: Database) -> None:
    ages = {"succeeded": [31, 29], "failed": [91, 89, 31], "cancelled": [31]}
    for status, days in ages.items():
        for age in days:
            job_id = (await enqueue(quiet_database, SYSTEM, Echo(text=f"{status} {age}"))).id
            await quiet_database.execute(
                "UPDATE jobs SET status = $2, finished_at = now() - make_interval(days => $3) WHERE id = $1",
                job_id, status, age,
            )  # fmt: skip
    await enqueue(quiet_database, SYSTEM, Echo(text="unfinished"))
    reached = Reached()
    while await prune(quiet_database, 30, 90, 2, reached):
        pass
    rows = await quiet_database.fetch("SELECT payload->>'text' AS text FROM jobs ORDER BY text")
    assert [row["text"] for row in rows] == ["failed 31", "failed 89", "succeeded 29", "unfinished"]
