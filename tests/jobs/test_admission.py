"""Who goes next: every owner in turn, and no kind beyond its limits."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.jobs.admission import (
    FIRST_LINE,
    LEAST_WINDOW,
    Candidate,
    Rota,
    Window,
    admit,
    bundle,
    bundle_size,
)
from models.jobs.dispatching import take_due
from models.jobs.dispatching_queries import CANDIDATES, MOST_LINES
from models.jobs.limits import Limits, Places, Use
from models.jobs.rules import Queue
from models.jobs.service import enqueue, enqueue_many
from models.kernel.actor import Actor
from models.kernel.ids import new_id
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.probes import Echo, Limited

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)


def waiting(owners: str, *, priority: int = 5, kind: str = "k", key: str | None = None) -> list[Candidate]:
    """One job per letter, the letter being its owner, each a second later than the one before."""
    return [
        Candidate(new_id(), kind, priority, NOON + timedelta(seconds=n), owner, key, orphaned=owner.isupper())
        for n, owner in enumerate(owners)
    ]


def owners_of(admitted: list[Candidate]) -> str:
    return "".join(candidate.owner for candidate in admitted)


@pytest.mark.parametrize(
    ("waiting_owners", "places", "turns_taken", "admitted"),
    [
        pytest.param("aaaab", 2, {}, "ab", id="the newcomer is second, not fifth"),
        pytest.param("aaaabbcc", 6, {}, "abcabc", id="in turn"),
        pytest.param("aaab", 3, {"a": 2}, "baa", id="what is on the broker counts as turns taken"),
        pytest.param("abc", 0, {}, "", id="no place"),
        pytest.param("aaa", 9, {}, "aaa", id="alone, all"),
    ],
)
def test_owners_are_admitted_in_turn(
    waiting_owners: str, places: int, turns_taken: dict[str, int], admitted: str
) -> None:
    chosen = admit(waiting(waiting_owners), places, turns_taken=turns_taken)
    assert owners_of(chosen) == admitted


@pytest.mark.parametrize(
    ("taken_per_second", "waiting", "least", "most"),
    [
        pytest.param(10**5, 10**6, 1000, 1000, id="fast workers get as much as is allowed"),
        pytest.param(2000, 10**6, 128, 512, id="others about what is taken in a fifth of a second"),
        pytest.param(200, 10**6, 8, 64, id="also slower ones"),
        pytest.param(1, 10**6, LEAST_WINDOW, LEAST_WINDOW, id="slow workers find little before them"),
        pytest.param(2000, 1, LEAST_WINDOW, LEAST_WINDOW, id="a trickle needs no room"),
    ],
)
def test_a_queue_holds_what_its_workers_take(taken_per_second: int, waiting: int, least: int, most: int) -> None:
    window, depth = Window(), 0.0
    for look in range(500):
        if room := window.room(int(depth), look / 20, 1000):
            window.sent(waiting >= room, look / 20)
            depth += min(room, waiting)
        depth = max(depth - taken_per_second / 20, 0)
    assert least <= window.size <= most


def test_a_priority_is_among_an_owners_own_jobs() -> None:
    urgent = waiting("aaa", priority=9)
    candidates = [*waiting("aaab"), *urgent]
    chosen = admit(candidates, 4, turns_taken={})
    assert owners_of(chosen) == "abaa"
    assert [each for each in chosen if each.owner == "a"] == urgent


def test_a_place_at_a_time_goes_to_each_owner_in_turn() -> None:
    rota, waiting_ones, served = Rota(), waiting("aaaabbc"), ""
    while waiting_ones:
        (chosen,) = admit(waiting_ones, 1, turns_taken={}, rota=rota)
        waiting_ones.remove(chosen)
        rota.note(chosen.owner)
        served += chosen.owner
    assert served == "abcabaa"


def test_a_rota_forgets_who_was_served_longest_ago() -> None:
    rota = Rota(most=2)
    for owner in "abac":
        rota.note(owner)
    assert [rota.last(owner) for owner in "abc"] == [3, 0, 4]


async def test_a_dispatcher_remembers_whom_it_served(quiet_database: Database) -> None:
    many, few = Actor("user", new_id()), Actor("user", new_id())
    crowd = await enqueue_many(quiet_database, many, [Echo(text=str(n)) for n in range(5)])
    late = await enqueue(quiet_database, few, Echo(text="late"))
    rota, taken = Rota(), list[UUID]()
    for _ in range(3):
        async with quiet_database.transaction() as session:
            (each,) = (await take_due(session, Queue.DEFAULT, 10, 1, rota=rota)).bundles
        taken += each.ids
        await quiet_database.execute("UPDATE jobs SET status = 'running' WHERE id = $1", each.ids[0])
    assert taken == [crowd[0], late.id, crowd[1]]


def test_a_kind_is_admitted_up_to_its_limit_and_others_pass() -> None:
    candidates = [*waiting("aaa", kind="slow"), *waiting("bb")]
    chosen = admit(candidates, 9, turns_taken={}, room=Places({"slow": Limits(in_all=2)}, {("slow", None): Use(1)}))
    assert Counter(candidate.kind for candidate in chosen) == {"slow": 1, "k": 2}


def test_a_key_is_admitted_up_to_its_limit() -> None:
    candidates = [*waiting("aa", kind="slow", key="x"), *waiting("aa", kind="slow", key="y")]
    room = Places({"slow": Limits(per_key=1)}, {("slow", "x"): Use(1)})
    assert (room.full_kinds(), room.full_keys()) == ([], [("slow", "x")])
    chosen = admit(candidates, 9, turns_taken={}, room=room)
    assert [candidate.limit_key for candidate in chosen] == ["y"]
    assert Places({"slow": Limits(in_all=1)}, {("slow", "x"): Use(1)}).full_kinds() == ["slow"]


@pytest.mark.parametrize(
    ("owners", "size", "most", "bundles"),
    [
        pytest.param("abcdefg", 3, 9, ["abc", "def", "g"], id="up to the size"),
        pytest.param("abcdefg", 1, 3, ["a", "b", "c"], id="no more than there is room for"),
        pytest.param("abcdefg", 3, 2, ["abc", "def"], id="full ones"),
        pytest.param("abXcd", 9, 9, ["abcd", "X"], id="one whose worker died travels alone"),
        pytest.param("Xab", 9, 9, ["X", "ab"], id="also when it is the first"),
        pytest.param("", 9, 9, [], id="nothing"),
    ],
)
def test_jobs_travel_together(owners: str, size: int, most: int, bundles: list[str]) -> None:
    jobs = waiting(owners)
    names = {job.id: job.owner for job in jobs}
    assert ["".join(names[id_] for id_ in each.ids) for each in bundle(jobs, {"k": size}, most)] == bundles


def test_only_jobs_of_one_kind_travel_together() -> None:
    jobs = [*waiting("aa", kind="x"), *waiting("b", kind="y"), *waiting("cc", kind="x")]
    together = bundle(jobs, {"x": 9, "y": 9}, 9)
    assert [(each.kind, len(each.ids)) for each in together] == [("x", 4), ("y", 1)]


def test_what_two_owners_have_of_two_kinds_travels_in_two_messages() -> None:
    """Owners take turns, so that no two neighbours are of one kind."""
    jobs = [waiting("a", kind="x")[0], waiting("b", kind="y")[0]]
    jobs += [waiting("a", kind="x")[0], waiting("b", kind="y")[0]]
    assert [(each.kind, len(each.ids)) for each in bundle(jobs, {"x": 9, "y": 9}, 2)] == [("x", 2), ("y", 2)]


def test_what_there_is_no_room_for_costs_its_owner_no_turn() -> None:
    candidates = [*waiting("aaaa", kind="slow", priority=9), *waiting("aaaa"), *waiting("bbbbbbbb")]
    chosen = admit(candidates, 6, turns_taken={}, room=Places({"slow": Limits(in_all=1)}, {}))
    assert owners_of(chosen) == "ababab"
    assert [each.kind for each in chosen if each.owner == "a"] == ["slow", "k", "k"]


@pytest.mark.parametrize(
    ("seconds", "batch_size", "size"),
    [
        (0.0, 1, 25), (0.001, 1, 25), (0.01, 1, 5), (0.1, 1, 1), (60.0, 1, 1),
        (0.001, 100, 300), (0.02, 100, 200), (60.0, 100, 100), (0.001, 500, 500),
    ],
)  # fmt: skip
def test_as_many_travel_together_as_are_done_in_a_moment(seconds: float, batch_size: int, size: int) -> None:
    assert bundle_size(seconds, batch_size) == size


async def test_a_client_with_many_jobs_does_not_delay_another(quiet_database: Database) -> None:
    many, few = Actor("user", new_id()), Actor("user", new_id())
    await enqueue_many(quiet_database, many, [Echo(text=str(n)) for n in range(500)])
    late = await enqueue(quiet_database, few, Echo(text="late"))
    async with quiet_database.transaction() as session:
        admitted = (await take_due(session, Queue.DEFAULT, 10)).bundles
    assert late.id in [bundle.ids[0] for bundle in admitted[:2]]
    assert len(admitted) == 10


async def test_of_many_clients_none_is_left_out_and_no_place_is(quiet_database: Database) -> None:
    crowd, others = Actor("user", new_id()), [Actor("user", new_id()) for _ in range(12)]
    await enqueue_many(quiet_database, crowd, [Echo(text=str(n)) for n in range(50)])
    ones = [(await enqueue(quiet_database, other, Echo(text="one"))).id for other in others]
    taken = []
    for _ in range(10):
        async with quiet_database.transaction() as session:
            taken += [bundle.ids[0] for bundle in (await take_due(session, Queue.DEFAULT, 30)).bundles]
    assert set(ones) < set(taken)
    assert len(taken) == 30


async def test_a_paused_kind_waits_and_others_do_not(quiet_database: Database) -> None:
    actor = Actor("system")
    await enqueue(quiet_database, actor, Echo(text="x"))
    other = await enqueue(quiet_database, actor, Limited(key="k"))
    await quiet_database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.echo', 'system')")
    async with quiet_database.transaction() as session:
        assert [bundle.ids for bundle in (await take_due(session, Queue.DEFAULT, 10)).bundles] == [[other.id]]


async def test_jobs_that_may_not_go_now_are_not_even_looked_at(quiet_database: Database) -> None:
    """Neither those of a paused kind nor those of a key at its limit, however many: what goes is found beside them."""
    one, other = Actor("user", new_id()), Actor("user", new_id())
    await enqueue_many(quiet_database, one, [Echo(text=str(n)) for n in range(2000)])
    await enqueue_many(quiet_database, one, [Limited(key="full") for _ in range(2000)])
    goes = [(await enqueue(quiet_database, actor, Limited(key=key))).id for actor in (one, other) for key in "ab"]
    await quiet_database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.echo', 'system')")
    known = ["probe.echo", "probe.limited"]
    asked: tuple[Any, ...] = (Queue.DEFAULT.value, 100, [], ["probe.limited full"], known, *FIRST_LINE, MOST_LINES)
    assert {row["id"] for row in await quiet_database.fetch(CANDIDATES, *asked)} == set(goes)
    await quiet_database.execute("ANALYZE jobs")
    plan = await quiet_database.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {CANDIDATES}", *asked)
    assert looked_at(json.loads(plan[0]["QUERY PLAN"])[0]["Plan"]) < 100


async def test_more_lines_than_are_looked_at_at_once_hide_none(quiet_database: Database) -> None:
    """However many clients wait for a paused kind, whoever comes after them all is found by the call after."""
    await quiet_database.execute(
        """INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
        SELECT gen_random_uuid(), 'probe.echo', 'default', '{}', 'queued', 5, 'user:' || n, now(), 1
        FROM generate_series(1, $1) AS n""",
        MOST_LINES + 1,
    )
    await quiet_database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.echo', 'system')")
    last = await enqueue(quiet_database, Actor("visitor", new_id()), Limited(key="k"))
    rota, calls = Rota(), []
    for _ in range(3):
        async with quiet_database.transaction() as session:
            calls.append(await take_due(session, Queue.DEFAULT, 10, rota=rota))
    assert [[each.ids for each in call.bundles] for call in calls] == [[], [[last.id]], []]
    assert [call.more for call in calls] == [True, False, True]


async def test_one_who_has_very_many_lines_does_not_hide_another(quiet_database: Database) -> None:
    """Each call sees the first lines of both, although it cannot look at all."""
    await quiet_database.execute(
        """INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, limit_key)
        SELECT gen_random_uuid(), 'probe.limited', 'default', '{}', 'queued', 5, 'user:a', now(), 1, n::text
        FROM generate_series(1, $1) AS n""",
        MOST_LINES * 3,
    )
    other = await enqueue_many(quiet_database, Actor("visitor", new_id()), [Echo(text="x") for _ in range(4)])
    rota, found = Rota(), set[UUID]()
    for places in (2, 4, 6, 8):
        async with quiet_database.transaction() as session:
            bundles = (await take_due(session, Queue.DEFAULT, places, rota=rota)).bundles
        ids = [id_ for each in bundles for id_ in each.ids]
        assert len(ids) == 2
        assert len(set(ids) & set(other)) == 1
        found |= set(ids)
    assert found > set(other)


async def test_of_more_clients_than_are_looked_at_at_once_the_last_are_next(quiet_database: Database) -> None:
    await quiet_database.execute(
        """INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts)
        SELECT gen_random_uuid(), 'probe.echo', 'default', '{}', 'queued', 5, 'user:' || lpad(n::text, 9, '0'), now(), 1
        FROM generate_series(1, $1) AS n, generate_series(1, 2)""",
        MOST_LINES + 3,
    )
    rota, served = Rota(), list[set[int]]()
    for places in (10, 13, 16):
        async with quiet_database.transaction() as session:
            taken = (await take_due(session, Queue.DEFAULT, places, rota=rota)).bundles
        rows = await quiet_database.fetch("SELECT owner FROM jobs WHERE id = ANY($1)", [each.ids[0] for each in taken])
        served.append({int(row["owner"].removeprefix("user:")) for row in rows})
    first, second, third = served
    assert (len(first), second, len(third)) == (10, {MOST_LINES + n for n in (1, 2, 3)}, 3)
    assert not first & third


def looked_at(plan: dict[str, Any]) -> Any:
    """How many rows of jobs the plan read."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if plan.get("Relation Name") == "jobs" else 0
    return own * plan["Actual Loops"] + sum(looked_at(each) for each in plan.get("Plans", ()))


@pytest.mark.usefixtures("workers")
async def test_jobs_of_one_key_never_run_at_once(client: ApiClient, database: Database) -> None:
    jobs = [await client.submit("probe.limited", {"key": "same"}) for _ in range(4)]
    for job in jobs:
        assert (await client.finish(job["id"]))["status"] == "succeeded"
    rows = await database.fetch("SELECT label FROM probe_effects ORDER BY ctid")
    assert [row["label"] for row in rows] == ["start", "end"] * 4
