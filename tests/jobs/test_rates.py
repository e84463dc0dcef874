"""How many attempts of a kind start in a time: never more, and no fewer for want of looking."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from models.jobs.dispatching import Taken, forget_starts, take_due, unpublish
from models.jobs.kinds import kind_of
from models.jobs.lifecycle import claim
from models.jobs.limits import Limits, Places, Rate, Usage, Use
from models.jobs.operations import explain_job
from models.jobs.rules import Queue
from models.jobs.service import enqueue_many
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.notifications import jobs as mails
from scheduler.dispatch import Dispatcher
from tests.support.client import ApiClient
from tests.support.jobs import FakeBroker
from tests.support.probes import Echo, Rationed

THREE_IN_HALF_A_SECOND = Limits(rate=Rate(3, 0.5))
LIMITS = kind_of(Rationed).limits
WINDOW_SECONDS = 600.0


@pytest.mark.parametrize(("jobs", "seconds"), [(0, 1.0), (10_001, 1.0), (1, 0.0), (1, 86_401.0)])
def test_a_rate_that_cannot_be_counted_is_refused(jobs: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="a rate of"):
        Rate(jobs, seconds)


def test_what_is_being_given_away_counts_as_started() -> None:
    places = Places({"k": THREE_IN_HALF_A_SECOND}, {("k", None): Use(starts=1, opens_in=0.3)})
    assert [places.take("k", None) for _ in range(3)] == [True, True, False]
    assert (places.full_kinds(), places.open_in()) == (["k"], 0.3)


def test_a_key_that_is_full_leaves_the_others_alone() -> None:
    used: Usage = {("k", "x"): Use(starts=2, key_starts=2, opens_in=0.1, key_opens_in=0.4), ("k", "y"): Use(starts=1)}
    places = Places({"k": Limits(rate_per_key=Rate(2, 1.0))}, used)
    assert (places.full_keys(), places.open_in()) == ([("k", "x")], 0.4)
    assert [places.take("k", key) for key in ("x", "y", None, "y", "y")] == [False, True, True, True, False]


async def take(database: Database) -> Taken:
    async with database.transaction() as session:
        return await take_due(session, Queue.DEFAULT, 100)


def ids_of(taken: Taken) -> list[UUID]:
    return [id_ for bundle in taken.bundles for id_ in bundle.ids]


async def age(database: Database, seconds: float) -> None:
    await database.execute("UPDATE job_starts SET at = at - $1 * interval '1 second'", seconds)


async def test_as_many_go_as_may_start_and_the_rest_when_the_window_has_passed(quiet_database: Database) -> None:
    ids = await enqueue_many(quiet_database, SYSTEM, [Rationed() for _ in range(5)])
    sent = ids_of(await take(quiet_database))
    assert sent == ids[:3]
    on_their_way = await take(quiet_database)
    assert (on_their_way.bundles, on_their_way.opens_in) == ([], None)
    await claim(quiet_database, sent, "w", 15.0, LIMITS)
    started = await take(quiet_database)
    assert started.bundles == []
    assert started.opens_in is not None
    assert 0 < started.opens_in <= WINDOW_SECONDS
    await age(quiet_database, WINDOW_SECONDS)
    assert ids_of(await take(quiet_database)) == ids[3:]


async def test_each_attempt_is_a_start(quiet_database: Database) -> None:
    (id_,) = await enqueue_many(quiet_database, SYSTEM, [Rationed()])
    for _ in range(3):
        await quiet_database.execute("UPDATE jobs SET status = 'queued', lease_until = NULL WHERE id = $1", id_)
        await take(quiet_database)
        await claim(quiet_database, [id_], "w", 15.0, LIMITS)
    await enqueue_many(quiet_database, SYSTEM, [Rationed()])
    assert ids_of(await take(quiet_database)) == []


async def test_a_message_that_comes_after_its_jobs_were_taken_back_starts_none(quiet_database: Database) -> None:
    ids = await enqueue_many(quiet_database, SYSTEM, [Rationed() for _ in range(3)])
    await take(quiet_database)
    await unpublish(quiet_database, ids[:2])
    assert [job.id for job in await claim(quiet_database, ids, "w", 15.0, LIMITS)] == [ids[2]]
    assert ids_of(await take(quiet_database)) == ids[:2]


async def test_other_kinds_pass_those_whose_rate_is_used_up(quiet_database: Database) -> None:
    await enqueue_many(quiet_database, SYSTEM, [Rationed() for _ in range(50)])
    await take(quiet_database)
    (other,) = await enqueue_many(quiet_database, SYSTEM, [Echo(text="x")])
    assert ids_of(await take(quiet_database)) == [other]


async def test_the_dispatcher_looks_again_when_there_is_room(quiet_database: Database, settings: Settings) -> None:
    patient = settings.model_copy(update={"dispatch_poll_seconds": WINDOW_SECONDS})
    dispatcher = Dispatcher(quiet_database, FakeBroker(), patient)  # type: ignore[arg-type]
    ids = await enqueue_many(quiet_database, SYSTEM, [Rationed() for _ in range(4)])
    await dispatcher.dispatch()
    assert dispatcher.wait_seconds() == WINDOW_SECONDS
    await claim(quiet_database, ids[:3], "w", 15.0, LIMITS)
    await age(quiet_database, WINDOW_SECONDS - 60)
    await dispatcher.dispatch()
    assert 0 < dispatcher.wait_seconds() <= 60
    await age(quiet_database, 60)
    await dispatcher.dispatch()
    assert dispatcher.wait_seconds() == WINDOW_SECONDS


async def test_a_job_that_waits_for_a_rate_says_so(quiet_database: Database) -> None:
    ids = await enqueue_many(quiet_database, SYSTEM, [Rationed(key="x") for _ in range(2)])
    ids += await enqueue_many(quiet_database, SYSTEM, [Rationed(key="y")])
    waiting = (await enqueue_many(quiet_database, SYSTEM, [Rationed(key="x")]))[0]
    assert [each.reason for each in (await explain_job(quiet_database, waiting)).because[:-1]] == ["no_scheduler"]
    await take(quiet_database)
    on_their_way = (await explain_job(quiet_database, waiting)).because
    assert [each.reason for each in on_their_way[:2]] == ["rate_limit", "key_rate_limit"]
    assert on_their_way[0].detail.endswith("there is room again once those on their way have started.")
    await claim(quiet_database, ids, "w", 15.0, LIMITS)
    started = (await explain_job(quiet_database, waiting)).because
    room = r"may start in 600 s, and have; there is room again in [1-6]\d\d s\."
    assert re.fullmatch(f"Of `probe.rationed`, 3 {room}", started[0].detail)
    assert re.fullmatch(f"Of its key, 2 {room}", started[1].detail)


async def test_starts_are_forgotten_when_no_window_holds_them(quiet_database: Database) -> None:
    ids = await enqueue_many(quiet_database, SYSTEM, [Rationed() for _ in range(2)])
    await take(quiet_database)
    await claim(quiet_database, ids[:1], "w", 15.0, LIMITS)
    await age(quiet_database, WINDOW_SECONDS + 1)
    await quiet_database.execute("INSERT INTO job_starts (kind, at) VALUES ('of.another_version', clock_timestamp())")
    await age(quiet_database, 80_000)
    await claim(quiet_database, ids[1:], "w", 15.0, LIMITS)
    assert await forget_starts(quiet_database) == 1
    await age(quiet_database, 10_000)
    assert await forget_starts(quiet_database) == 2


@pytest.mark.usefixtures("workers")
async def test_no_window_ever_holds_more_starts_than_the_rate(client: ApiClient, database: Database) -> None:
    jobs = [{"kind": "probe.paced", "payload": {"key": "ab"[n % 2], "breaks": n % 4 == 0}} for n in range(12)]
    batch = await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs})
    assert (await client.finish(batch["id"]))["result"]["succeeded"] == 12
    rows = await database.fetch("""
        SELECT job_attempts.started_at, limit_key FROM job_attempts JOIN jobs ON jobs.id = job_id
        WHERE kind = 'probe.paced' ORDER BY 1""")
    assert len(rows) == 15
    for most, starts in (
        (3, [row["started_at"] for row in rows]),
        *((2, [row["started_at"] for row in rows if row["limit_key"] == key]) for key in "ab"),
    ):
        for first, too_many in zip(starts, starts[most:], strict=False):
            assert too_many - first >= timedelta(seconds=0.5)


def test_mails_go_as_fast_as_resend_takes_them_and_into_the_sandbox_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "get_settings", lambda: settings)
    assert not mails.limits()
    with_key = settings.model_copy(update={"resend_api_key": SecretStr("re_x"), "mails_per_second": 7})
    monkeypatch.setattr(mails, "get_settings", lambda: with_key)
    assert mails.limits() == Limits(rate=Rate(7, 1.1))
