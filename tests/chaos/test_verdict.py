"""The judge of the chaos suite: it must see what is broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.chaos.checks import unkeyed_repeats, wrong_effects
from tests.chaos.faults import Fault
from tests.chaos.history import Step, waits_of
from tests.chaos.plan import Following, Plan, Work
from tests.chaos.rescues import redelivery_seconds, rescue_seconds
from tests.chaos.seen import Batch, Fire, Lost, Seen, Wait
from tests.chaos.verdict import promises_of, report_of

START = datetime(2026, 1, 1, tzinfo=UTC)
WORKS = [
    Work(1, "chaos.write", {}, followed_by=Following.WAIT),
    Work(2, "chaos.call", {}, steps=1),
    Work(3, "chaos.poison", {}, 0, 0, "failed"),
    Work(4, "chaos.long", {}, rows=3, cancelled_after=1.0),
]
ENDS = {1: "succeeded", 2: "succeeded", 3: "failed", 4: "cancelled"}
EFFECTS = {1: {0: 1}, 2: {0: 1}, 4: {0: 1, 1: 1}}


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def fault(kind: str, start: float, end: float, *pids: int) -> Fault:
    return Fault(kind, "somebody", at(start), at(end), list(pids))


def wait(since: float, until: float | None, moved: float | None = None, *, sent: bool = True) -> Wait:
    return Wait(
        "job", "default", sent, at(since), None if until is None else at(until), None if moved is None else at(moved)
    )


def batch(**changes: Any) -> Batch:
    told = {"succeeded": 1, "failed": 1, "cancelled": 0}
    whole: dict[str, Any] = {"status": "failed", "jobs": 2, "ends": {"succeeded": 1, "failed": 1}, "told": told}
    return Batch("batch", **{**whole, **changes})


def seen(**changes: Any) -> Seen:
    """All went well."""
    kept: dict[str, Any] = {
        "accepted": [1, 2, 3, 4], "keyless": 2, "stored": {1: 1, 2: 1, 3: 1, 4: 1}, "statuses": ENDS,
        "effects": EFFECTS, "calls": [(2, "reserve", {"k": 3})], "told": {1: "succeeded"}, "verdicts": {4: "stopped"},
        "batches": [batch()], "fires": [Fire("s", at(60), "succeeded", 1), Fire("s", at(120), "running", 0)],
        "due_fires": {("s", at(60))}, "judged_until": at(100), "waits": [wait(0, 29)],
        "lost_attempts": [Lost("j", 7, at(0), at(15), at(20))], "skewed_effects": 1, "refusals": [],
        "faults": [fault("worker_killed", 0, 0, 7)],
    }  # fmt: skip
    return Seen(**{**kept, **changes})


def broken(what: Seen) -> list[str]:
    judged = promises_of(WORKS, what, report_of(WORKS, what))
    return [promise.words for promise in judged if not promise.kept and promise.words != "kinds of faults left out"]


def test_nothing_is_broken_where_all_went_well() -> None:
    assert broken(seen()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accepted": [1, 2, 4]}, "jobs submitted and never accepted"),
        ({"refusals": ["400"]}, "jobs submitted and never accepted"),
        ({"stored": {1: 2, 2: 1, 3: 1, 4: 1}}, "submits stored twice"),
        ({"statuses": {**ENDS, 1: "running"}}, "accepted jobs lost"),
        ({"statuses": {2: "succeeded", 3: "failed", 4: "cancelled"}}, "accepted jobs lost"),
        ({"effects": {**EFFECTS, 1: {0: 2}}}, "jobs with database effects ≠ 1"),
        ({"effects": {2: {0: 1}}}, "jobs with database effects ≠ 1"),
        ({"effects": {**EFFECTS, 3: {0: 1}}}, "jobs with database effects ≠ 1"),
        ({"effects": {**EFFECTS, 4: {0: 1, 2: 1}}}, "jobs with database effects ≠ 1"),
        ({"calls": [(2, "reserve", {"k": 1, "l": 1})]}, "outside calls repeated without the same key"),
        ({"calls": []}, "outside calls never made"),
        ({"statuses": {**ENDS, 1: "failed"}}, "jobs that ended otherwise than they should"),
        ({"statuses": {**ENDS, 1: "cancelled"}}, "jobs that ended otherwise than they should"),
        ({"verdicts": {}}, "cancels without a true answer"),
        ({"verdicts": {4: "too_late"}}, "cancels without a true answer"),
        ({"statuses": {**ENDS, 4: "succeeded"}}, "cancels without a true answer"),
        ({"told": {}}, "waiting clients not told of the end"),
        ({"told": {1: "failed"}}, "waiting clients not told of the end"),
        ({"batches": [batch(status="running", told=None)]}, "batches that ended or counted wrongly"),
        ({"batches": [batch(status="succeeded")]}, "batches that ended or counted wrongly"),
        ({"batches": [batch(ends={"succeeded": 2})]}, "batches that ended or counted wrongly"),
        ({"batches": [batch(jobs=3)]}, "batches that ended or counted wrongly"),
        ({"fires": []}, "fires of schedules missing, doubled or undone"),
        ({"fires": [Fire("s", at(60), "succeeded", 2)]}, "fires of schedules missing, doubled or undone"),
        ({"fires": [Fire("s", at(60), "queued", 0)]}, "fires of schedules missing, doubled or undone"),
        ({"fires": [Fire("s", at(60), "succeeded", 1)] * 2}, "fires of schedules missing, doubled or undone"),
        ({"fires": [Fire("s", at(60), "succeeded", 1), Fire("s", at(61), "succeeded", 1)]},
         "fires of schedules missing, doubled or undone"),
        ({"lost_attempts": [Lost("j", 7, at(0), at(15), at(31))]}, "longest rescue after the fault's end"),
        ({"waits": [wait(0, 29), wait(0, 31)]}, "longest wait for nothing after the fault's end"),
        ({"waits": [wait(0, None)]}, "longest wait for nothing after the fault's end"),
        ({"keyless": 0}, "jobs submitted without a key"),
        ({"skewed_effects": 0}, "effects left by a worker an hour ahead"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_seen(changes: dict[str, Any], words: str) -> None:
    assert words in broken(seen(**changes))


def test_repeats_with_the_same_key_are_none() -> None:
    assert unkeyed_repeats(seen(calls=[(2, "reserve", {"k": 5})])) == []
    assert len(unkeyed_repeats(seen(calls=[(2, "reserve", {"k": 5, "l": 2}), (2, "confirm", {"": 1})]))) == 3


def test_a_job_that_was_never_accepted_may_have_run_once_or_not() -> None:
    assert wrong_effects(WORKS[:1], seen(accepted=[], effects={})) == []
    assert wrong_effects(WORKS[:1], seen(accepted=[], effects={1: {0: 1}})) == []
    assert len(wrong_effects(WORKS[:1], seen(accepted=[], effects={1: {0: 2}}))) == 1


def test_a_cancelled_job_left_nothing_but_the_chunks_it_had_committed() -> None:
    ends = {1: "cancelled", 4: "cancelled"}
    assert wrong_effects(WORKS, seen(accepted=[1, 4], statuses=ends, effects={4: {0: 1}})) == []
    assert wrong_effects(WORKS, seen(accepted=[1, 4], statuses=ends, effects={1: {0: 1}})) != []


@pytest.mark.parametrize(
    ("faults", "seconds"),
    [
        ([fault("worker_killed", 2, 2, 7)], 18),
        ([fault("worker_killed", 2, 2, 8)], 20),  # another's process
        ([fault("worker_paused", 2, 25, 7)], 0),
        ([fault("connections_cut", 3, 3)], 17),
        ([fault("connections_cut", 17, 17)], 20),  # came after it was lost
        ([fault("worker_killed", 2, 2, 7), fault("broker_stopped", 1, 12)], 8),
        ([fault("worker_killed", 2, 2, 7), fault("broker_flushed", 16, 16)], 18),  # no excuse
        ([fault("worker_killed", 2, 2, 7), fault("postgres_killed", 16, 19)], 1),
        ([fault("postgres_killed", 21, 25)], 20),
    ],
)
def test_a_rescue_is_measured_from_the_end_of_what_hit_the_attempt(faults: list[Fault], seconds: float) -> None:
    lost = Lost("job", 7, started_at=at(0), lost_at=at(15), next_at=at(20))
    assert rescue_seconds(lost, faults) == seconds


@pytest.mark.parametrize(
    ("waited", "faults", "seconds"),
    [
        (wait(0, 20), [], 20),
        (wait(0, 20), [fault("broker_flushed", 5, 5)], 15),
        (wait(0, 20), [fault("broker_flushed", 5, 5), fault("broker_flushed", 12, 12)], 15),  # was lost by the first
        (wait(0, 20, sent=False), [fault("broker_flushed", 5, 5)], 20),  # no message to lose
        (wait(0, 20), [fault("broker_stopped", 5, 17)], 3),
        (wait(0, 20, sent=False), [fault("postgres_killed", 5, 17)], 3),
        (wait(10, 20), [fault("broker_flushed", 9, 9), fault("broker_stopped", 1, 8)], 10),  # before it
        (wait(0, 20), [fault("scheduler_paused", 1, 19, 7), fault("worker_killed", 9, 9, 8)], 20),  # no excuse
        (wait(0, 20, moved=18), [fault("broker_flushed", 5, 5)], 2),
        (wait(0, 20, moved=3), [fault("broker_flushed", 5, 5)], 15),
        (wait(0, 20), [fault("postgres_stopped", 19, 22)], 0),
    ],
)
def test_a_wait_for_nothing_is_measured_from_the_end_of_what_lost_the_message(
    waited: Wait, faults: list[Fault], seconds: float
) -> None:
    assert redelivery_seconds(waited, faults) == seconds


def of_job(job: str, *states: tuple[float, str, bool]) -> list[Step]:
    return [Step(job, "default", status, sent, at(second)) for second, status, sent in states]


SENT_FIRST = of_job("first", (0, "queued", False), (1, "queued", True), (9, "running", False))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([(0, "scheduled", False), (5, "queued", False), (6, "running", False)], [(5, 6, False, None)]),
        ([(0, "queued", False), (2, "queued", True)], [(0, 2, False, None), (2, None, True, 9)]),
        ([(2, "queued", True), (12, "running", False)], [(2, 12, True, 9)]),  # its turn came after the first's
        (
            [(0.2, "queued", True), (12, "running", False)],
            [(0.2, 12, True, None)],
        ),  # was overtaken: its message is lost
        ([(2, "queued", False), (12, "queued", True)], [(2, 12, False, 9), (12, None, True, None)]),
        ([(2, "queued", True), (12, "cancelled", False)], [(2, 12, True, 9)]),
        ([(2, "queued", True), (9, "running", False)], [(2, 9, True, None)]),
    ],
)
def test_what_a_job_waited_for_is_read_from_its_history(
    states: list[tuple[float, str, bool]], expected: list[tuple[float, float | None, bool, float | None]]
) -> None:
    waits = [each for each in waits_of([*of_job("second", *states), *SENT_FIRST]) if each.job == "second"]
    assert waits == [
        msgspec.structs.replace(wait(since, until, moved, sent=sent), job="second")
        for since, until, sent, moved in expected
    ]


def test_a_seed_gives_the_same_jobs_again() -> None:
    works = Plan(jobs=500, minutes=1, seed=4).works()
    assert works == Plan(jobs=500, minutes=1, seed=4).works() != Plan(jobs=500, minutes=1, seed=5).works()
    kinds = ("write", "call", "long", "tiny", "flaky", "poison")
    assert {work.kind for work in works} == {f"chaos.{name}" for name in kinds}


def test_every_work_is_asked_for_once_alone_or_in_a_batch_with_a_key_or_without() -> None:
    plan = Plan(jobs=500, minutes=1, seed=4)
    orders = plan.orders()
    assert [work for order in orders for work in order.works] == plan.works()
    assert [len(order.works) for order in orders if order.is_batch] == [20, 20]
    assert 0.4 < sum(order.keyed for order in orders) / len(orders) < 0.6
