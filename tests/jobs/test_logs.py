"""What a handler says about its job is kept with it, and read in order by who may see the job."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from litestar import Litestar

from api.jobs import following
from models.jobs import log_queries
from models.jobs.batches import prune
from models.jobs.kinds import kind_of
from models.jobs.lifecycle import claim
from models.jobs.logs import (
    LINES_KEPT,
    MESSAGE_CHARACTERS,
    NO_MORE,
    Sent,
    count_lines,
    keep_lines,
    line_of,
    list_lines,
)
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus, LogLevel
from models.jobs.service import enqueue, get_job
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from tasks.context import Tools
from tasks.reporting import Reporter
from tasks.runtime import Runtime
from tests.conftest import sign_in
from tests.support.client import ApiClient, eventually
from tests.support.listening import listening
from tests.support.probes import Echo, Effect, Talk
from tests.support.statements import waits_for_a_lock


@pytest.mark.usefixtures("workers")
async def test_lines_of_failed_attempts_stay_though_their_work_is_undone(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.log", {"lines": 2, "failUntil": 2})
    assert (await client.finish(job["id"]))["status"] == "succeeded"
    lines = await client.logs(job["id"])
    assert [(line["number"], line["attempt"], line["message"], line["level"]) for line in lines] == [
        (1, 1, "line 1", "info"), (2, 1, "line 2", "error"),
        (3, 2, "line 1", "info"), (4, 2, "line 2", "error"),
        (5, 3, "line 1", "info"), (6, 3, "line 2", "error"),
    ]  # fmt: skip
    assert [line["fields"] for line in lines] == [{"attempt": n} for n in (1, 1, 2, 2, 3, 3)]
    assert len(await database.fetch("SELECT FROM probe_effects")) == 1


@pytest.mark.usefixtures("workers")
async def test_lines_are_of_the_time_of_their_attempt(client: ApiClient) -> None:
    job = await client.submit("probe.log", {"lines": 4, "seconds": 0.15})
    done = await client.finish(job["id"])
    times = [line["at"] for line in await client.logs(job["id"])]
    assert len(times) == 4
    assert all(done["startedAt"] <= at <= done["finishedAt"] for at in times)


async def test_a_line_has_the_time_at_which_it_was_said_and_not_of_its_writing(
    quiet_database: Database, running: JobRecord
) -> None:
    await keep_lines(quiet_database, running, [sent("early", 1, age=60.0), sent("now", 2)])
    early, now = await list_lines(quiet_database, running.id)
    assert now.at - early.at == timedelta(seconds=60)


@pytest.mark.usefixtures("workers")
async def test_lines_are_read_by_level_attempt_and_page(client: ApiClient) -> None:
    job = await client.submit("probe.log", {"lines": 3, "failUntil": 1})
    await client.finish(job["id"])
    numbers = [line["number"] for line in await client.logs(job["id"], level="error,warning")]
    assert numbers == [3, 6]
    assert [line["number"] for line in await client.logs(job["id"], attempt=2)] == [4, 5, 6]
    assert [line["number"] for line in await client.logs(job["id"], attempt=2, level="info", limit=1)] == [4]
    assert await client.logs(job["id"], attempt=70_000) == []
    path, after, seen = f"/jobs/{job['id']}/logs", 0, []
    while (feed := await client.expect(200, "GET", path, params={"limit": 4, "after": after}))["data"]:
        seen += [line["number"] for line in feed["data"]]
        after = feed["nextAfter"]
    assert (seen, after, feed["nextAfter"]) == ([1, 2, 3, 4, 5, 6], 6, 6)
    problem = await client.expect(400, "GET", path, params={"level": "loud", "limit": 0, "after": -1, "attempt": 0})
    assert {fault["field"] for fault in problem["errors"]} == {"level[0]", "limit", "after", "attempt"}


@pytest.mark.usefixtures("workers")
async def test_lines_said_in_a_thread_are_kept(client: ApiClient) -> None:
    job = await client.submit("probe.log", {"lines": 20, "inThread": True})
    await client.finish(job["id"])
    assert [line["message"] for line in await client.logs(job["id"])] == [f"line {n}" for n in range(1, 21)]


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize(
    ("said", "fail_until", "last"), [(LINES_KEPT - 300, 1, "line 300"), (LINES_KEPT + 1, 0, "line 1000")]
)
async def test_a_job_keeps_so_many_lines_over_all_attempts_and_says_that_there_are_more(
    client: ApiClient, said: int, fail_until: int, last: str
) -> None:
    job = await client.submit("probe.log", {"lines": said, "failUntil": fail_until})
    await client.finish(job["id"])
    lines = await client.logs(job["id"], limit=1000)
    rest = await client.logs(job["id"], after=1000)
    assert [line["number"] for line in lines] == list(range(1, LINES_KEPT + 1))
    assert lines[-1]["message"] == last
    assert [(line["number"], line["message"], line["level"]) for line in rest] == [(1001, NO_MORE, "warning")]


async def test_the_log_of_another_owners_job_is_not_there(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.echo", {"text": "x"}, runAt="2199-01-01T00:00:00Z")
    await client.expect(200, "GET", f"/jobs/{job['id']}/logs")
    await sign_in(client, database, "student")
    await client.expect(404, "GET", f"/jobs/{job['id']}/logs")


@pytest.mark.usefixtures("workers")
async def test_a_stream_resumed_after_every_event_repeats_and_loses_no_line(app: Litestar, client: ApiClient) -> None:
    job = await client.submit("probe.log", {"lines": 8, "seconds": 0.1, "failUntil": 1})
    events = [await first_event(app, job["id"])]
    while events[-1]["event"] != "end":
        events.append(await first_event(app, job["id"], events[-1]["id"]))
    assert [event["data"]["number"] for event in events if event["event"] == "log"] == list(range(1, 17))
    states = [event["id"] for event in events if event["event"] != "log"]
    assert len(states) == len(set(states))
    assert [event async for event in await stream_of(app, job["id"], events[-1]["id"])] == [b"retry: 1000\n\n"]


@pytest.mark.usefixtures("workers")
async def test_a_stream_begins_with_the_lines_so_far_and_ends_after_the_last(app: Litestar, client: ApiClient) -> None:
    job = await client.submit("probe.log", {"lines": 250})
    await client.finish(job["id"])
    events = [read(event) async for event in await stream_of(app, job["id"])][1:]
    assert [event["event"] for event in events] == ["log"] * 250 + ["end"]
    assert events[0]["data"] == (await client.logs(job["id"], limit=1))[0]


async def stream_of(app: Litestar, job_id: str, last_id: str | None = None) -> AsyncGenerator[bytes, None]:
    job = await get_job(app.state.database, UUID(job_id))
    return cast(AsyncGenerator[bytes, None], following.stream(listening(app), job, last_id))


async def first_event(app: Litestar, job_id: str, last_id: str | None = None) -> dict[str, Any]:
    """Of a stream that is broken off after it."""
    async with aclosing(await stream_of(app, job_id, last_id)) as events:
        await anext(events)
        return read(await anext(events))


def read(event: bytes) -> dict[str, Any]:
    fields = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    return {**fields, "data": json.loads(fields.get("data", "null"))}


@pytest.mark.parametrize("last_id", ["", ".", "x", "5", ".99999", "0123456789abcdef.1.1", "\0"])
def test_what_is_no_id_of_a_stream_begins_it_anew(last_id: str) -> None:
    assert following.Seen.read(last_id) == following.Seen()


class Unwritable:
    def __str__(self) -> str:
        raise RuntimeError


def endless() -> dict[str, Any]:
    fields: dict[str, Any] = {}
    fields["again"] = fields
    return fields


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({}, None),
        ({"at": datetime(2026, 2, 8, tzinfo=UTC), "id": UUID(int=1), "price": Decimal("149.90")},
         {"at": "2026-02-08T00:00:00Z", "id": str(UUID(int=1)), "price": "149.90"}),
        ({"error": ValueError("no")}, {"error": "no"}),
        ({"a\0": ["b\0", {"c": "\ud800"}]}, {"a\ufffd": ["b\ufffd", {"c": "?"}]}),
        ({"n": 2**70}, {"n": 2**70}),
        ({"text": "x" * 4096}, {"fieldsLeftOut": "They have 4107 bytes, and may have 4096."}),
        ({"it": Unwritable()}, {"fieldsLeftOut": "They are no JSON (RuntimeError)."}),
        ({"it": endless()}, {"fieldsLeftOut": "They are no JSON (RecursionError)."}),
        ({"it": {(1, 2): 3}}, {"fieldsLeftOut": "They are no JSON (TypeError)."}),
    ],
)  # fmt: skip
def test_fields_are_small_json_or_left_out(fields: dict[str, Any], stored: dict[str, Any] | None) -> None:
    assert line_of("text", LogLevel.INFO, fields).fields == stored


def test_a_long_message_is_cut_and_shows_it() -> None:
    whole, cut = "x" * MESSAGE_CHARACTERS, "y" * (MESSAGE_CHARACTERS + 1)
    assert line_of(whole, LogLevel.INFO, {}).message == whole
    assert line_of(cut, LogLevel.INFO, {}).message == "y" * (MESSAGE_CHARACTERS - 1) + "…"


@pytest.fixture
async def running(quiet_database: Database) -> JobRecord:
    """A job in the hands of this process."""
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    (claimed,) = await claim(quiet_database, [job.id], "w", 60.0)
    return claimed


async def messages(database: Database, job: JobRecord) -> list[str]:
    return [line.message for line in await list_lines(database, job.id)]


async def test_no_line_breaks_the_handler_or_is_refused_by_the_database(
    quiet_database: Database, running: JobRecord
) -> None:
    reporter = Reporter(quiet_database, running)
    reporter.log(cast(Any, Unwritable()), LogLevel.INFO, {})
    reporter.log("loud", cast(Any, "loud"), {})
    reporter.log("\0\ud800\udc00%(x)s {y}", LogLevel.WARNING, {"\0": "\udfff", "n": [float("nan"), 10**300]})
    reporter.log("deep", LogLevel.INFO, {"it": nested(300)})
    reporter.log("", LogLevel.INFO, {"event": 1, "level": 2, "self": 3})
    await reporter.stop()
    lines = await list_lines(quiet_database, running.id)
    assert [line.message for line in lines] == ["\ufffd??%(x)s {y}", "deep", ""]
    assert json.loads(bytes(lines[0].fields)) == {"\ufffd": "?", "n": [None, 10**300]}


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


async def test_a_worker_that_lost_its_job_adds_no_more_lines(quiet_database: Database, running: JobRecord) -> None:
    reporter = Reporter(quiet_database, running)
    reporter.log("mine", LogLevel.INFO, {})
    await eventually(lambda: list_lines(quiet_database, running.id))
    await quiet_database.execute(
        "UPDATE jobs SET attempt = 2, started_at = clock_timestamp() WHERE id = $1", running.id
    )
    reporter.log("late", LogLevel.INFO, {})
    await reporter.stop()
    assert await messages(quiet_database, running) == ["mine"]


async def test_an_attempt_is_not_claimed_while_the_one_before_still_writes(
    quiet_database: Database, running: JobRecord
) -> None:
    """Or who has read the lines of an attempt could miss one of the attempt before."""
    async with quiet_database.statements() as moving:
        await moving.fetch("UPDATE jobs SET attempt = 2, started_at = clock_timestamp() WHERE id = $1", running.id)
        writing = asyncio.create_task(keep_lines(quiet_database, running, [sent("late")]))
        await eventually(lambda: waits_for_a_lock(quiet_database, "INTO job_log_lines"))
    await writing
    assert await messages(quiet_database, running) == []


def sent(message: str, place: int = 1, age: float = 0.0) -> Sent:
    return Sent(line_of(message, LogLevel.INFO, {}), place, age)


class Flaky:
    """A database that is away (or whose answer is lost) for its first statements."""

    def __init__(self, database: Database, failures: int, *, after: bool) -> None:
        self._database = database
        self._failures = failures
        self._after = after

    async def fetch(self, sql: str, *args: Any) -> Any:
        self._failures -= 1
        if self._failures < 0 or self._after:
            answer = await self._database.fetch(sql, *args)
        if self._failures >= 0:
            raise ConnectionResetError
        return answer


@pytest.mark.parametrize("after", [False, True], ids=["away", "answer lost"])
async def test_lines_are_sent_until_they_are_taken_and_stored_once(
    quiet_database: Database, running: JobRecord, after: bool
) -> None:
    reporter = Reporter(cast(Database, Flaky(quiet_database, 2, after=after)), running)
    reporter.log("one", LogLevel.INFO, {})
    await eventually(lambda: list_lines(quiet_database, running.id))
    reporter.log("two", LogLevel.INFO, {})
    reporter.log("three", LogLevel.INFO, {})
    await asyncio.sleep(0)
    await eventually(lambda: has_lines(quiet_database, running, 3))
    await reporter.stop()
    assert await messages(quiet_database, running) == ["one", "two", "three"]


async def has_lines(database: Database, job: JobRecord, count: int) -> bool:
    return await count_lines(database, job.id) == count


async def test_a_job_ends_also_when_its_lines_cannot_be_stored(quiet_database: Database, running: JobRecord) -> None:
    reporter = Reporter(cast(Database, Flaky(quiet_database, 99, after=False)), running)
    reporter.log("lost", LogLevel.INFO, {})
    await reporter.stop()
    reporter.log("after the end", LogLevel.INFO, {})
    await reporter.stop()
    assert await messages(quiet_database, running) == []


async def test_a_job_that_says_nothing_costs_no_statement(
    quiet_database: Database, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fetch = quiet_database.fetch

    async def noted(sql: str, *args: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, *args)

    monkeypatch.setattr(quiet_database, "fetch", noted)
    for args, keeps in (
        (Echo(text="x"), False), (Effect(label="x", seconds=0.1, steps=2), False), (Talk(lines=2), True),
    ):  # fmt: skip
        job = await enqueue(quiet_database, SYSTEM, args)
        await Runtime(tools, "w").perform(kind_of(args), [job.id])
        assert (await get_job(quiet_database, job.id)).status == JobStatus.SUCCEEDED
        assert (log_queries.KEEP in asked) == keeps


async def test_an_attempt_that_tells_nothing_starts_no_task(quiet_database: Database, running: JobRecord) -> None:
    before = asyncio.all_tasks()
    reporter = Reporter(quiet_database, running)
    await reporter.stop()
    assert asyncio.all_tasks() == before


async def test_lines_go_with_their_job(quiet_database: Database, running: JobRecord) -> None:
    other = await enqueue(quiet_database, SYSTEM, Echo(text="y"))
    (other,) = await claim(quiet_database, [other.id], "w", 60.0)
    for job in (running, other):
        await keep_lines(quiet_database, job, [sent("one"), sent("two", 2)])
    await quiet_database.execute(
        "UPDATE jobs SET status = 'succeeded', lease_until = NULL, finished_at = now() - interval '9 days'"
        " WHERE id = $1",
        running.id,
    )
    assert await prune(quiet_database, 8, 8) == 1
    assert (await count_lines(quiet_database, running.id), await count_lines(quiet_database, other.id)) == (0, 2)
