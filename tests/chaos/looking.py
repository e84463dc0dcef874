"""Reading what there is to see once a run is over."""

from collections import Counter
from datetime import datetime
from typing import Any

import aiohttp
import asyncpg

from tests.chaos.checks import by_number
from tests.chaos.faults import POISON_JOB, Fault
from tests.chaos.firing import Clockwork
from tests.chaos.following import Followers
from tests.chaos.history import HISTORY, Step, waits_of
from tests.chaos.seen import Batch, Fire, Lost, Seen
from tests.chaos.stage import Stage
from tests.chaos.submitting import Submitter

STATUSES = "SELECT (payload ->> 'number')::int AS number, status FROM jobs WHERE payload ? 'number'"
EFFECTS = "SELECT number, part, count(*)::int FROM chaos_effects WHERE number >= 0 GROUP BY number, part"
SKEWED = "SELECT count(*)::int FROM chaos_effects WHERE by_worker - by_database > interval '30 min'"
LOST = """
SELECT lost.job_id::text AS job, jobs.kind, lost.worker, lost.started_at, lost.finished_at AS lost_at,
       coalesce(next.started_at, jobs.finished_at) AS next_at
FROM job_attempts lost
JOIN jobs ON jobs.id = lost.job_id
LEFT JOIN job_attempts next ON next.job_id = lost.job_id AND next.attempt = lost.attempt + 1
WHERE lost.outcome = 'lost'
"""
BATCHES = """
SELECT batch.id::text AS id, batch.status, (batch.payload ->> 'jobs')::int AS jobs,
       array_agg(child.status) FILTER (WHERE child.id IS NOT NULL) AS ends,
       (batch.result ->> 'succeeded')::int AS succeeded, (batch.result ->> 'failed')::int AS failed,
       (batch.result ->> 'cancelled')::int AS cancelled
FROM jobs AS batch LEFT JOIN jobs AS child ON child.parent_id = batch.id
WHERE batch.kind = 'jobs.batch' GROUP BY batch.id
"""
FIRES = """
SELECT schedule_id::text AS schedule, fire_at AS at, status,
       (SELECT count(*)::int FROM chaos_effects WHERE job_id = jobs.id) AS effects
FROM jobs WHERE fire_at IS NOT NULL
"""


async def look(
    stage: Stage, submitter: Submitter, followers: Followers, clockwork: Clockwork, until: datetime, faults: list[Fault]
) -> Seen:
    async with aiohttp.ClientSession() as http, http.get(stage.counter + "/calls") as answer:
        calls = await answer.json()
    jobs = await stage.sql(STATUSES)
    lost = await stage.sql(LOST)
    return Seen(
        accepted=submitter.accepted.keys(),
        keyless=submitter.keyless,
        stored=Counter(row["number"] for row in jobs),
        statuses={row["number"]: row["status"] for row in jobs},
        effects=by_number([tuple(row) for row in await stage.sql(EFFECTS)]),
        calls=[(number, step, keys) for number, step, keys in calls],
        told=followers.told,
        verdicts=followers.verdicts,
        batches=[_batch(row) for row in await stage.sql(BATCHES)],
        fires=[Fire(**row) for row in await stage.sql(FIRES)],
        due_fires=clockwork.due(until),
        judged_until=until,
        lost_attempts=[Lost(row["job"], _pid(row), row["started_at"], row["lost_at"], row["next_at"]) for row in lost],
        waits=waits_of(Step(*row) for row in await stage.sql(HISTORY)),
        skewed_effects=(await stage.sql(SKEWED))[0]["count"],
        refusals=[*submitter.refusals, *followers.refusals],
        faults=[*faults, *(_poison(row) for row in lost if row["kind"] == "chaos.poison")],
    )


def _batch(row: asyncpg.Record) -> Batch:
    told: Any = {state: row[state] for state in ("succeeded", "failed", "cancelled")}
    return Batch(row["id"], row["status"], row["jobs"], Counter(row["ends"]), None if None in told.values() else told)


def _poison(row: asyncpg.Record) -> Fault:
    return Fault(POISON_JOB, row["worker"], row["started_at"], row["started_at"], [_pid(row)])


def _pid(row: asyncpg.Record) -> int:
    return int(row["worker"].rpartition(":")[2])
