"""The judge of the chaos suite: it must see what is broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos.faults import Fault
from tests.chaos.plan import Plan, Work
from tests.chaos.verdict import Lost, Seen, promises_of, report_of, rescue_seconds, unkeyed_repeats, wrong_effects

START = datetime(2026, 1, 1, tzinfo=UTC)
WORKS = [Work(1, "chaos.write", {}), Work(2, "chaos.call", {}, steps=1), Work(3, "chaos.poison", {}, 0, 0, "failed")]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def fault(kind: str, start: float, end: float, *pids: int) -> Fault:
    return Fault(kind, "somebody", at(start), at(end), list(pids))


def seen(**changes: Any) -> Seen:
    """All went well."""
    kept: dict[str, Any] = {
        "accepted": [1, 2, 3], "statuses": {1: "succeeded", 2: "succeeded", 3: "failed"},
        "effects": {1: {0: 1}, 2: {0: 1}}, "calls": [(2, "reserve", {"k": 3})], "lost_attempts": [],
        "skewed_effects": 1, "refusals": [], "faults": [fault("worker_killed", 0, 0, 7)],
    }  # fmt: skip
    return Seen(**{**kept, **changes})


def broken(what: Seen) -> list[str]:
    return [promise.words for promise in promises_of(WORKS, what, report_of(WORKS, what)) if not promise.kept]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accepted": [1, 2]}, "jobs submitted and never accepted"),
        ({"refusals": ["400"]}, "jobs submitted and never accepted"),
        ({"statuses": {1: "running", 2: "succeeded", 3: "failed"}}, "accepted jobs lost"),
        ({"statuses": {2: "succeeded", 3: "failed"}}, "accepted jobs lost"),
        ({"effects": {1: {0: 2}, 2: {0: 1}}}, "jobs with database effects ≠ 1"),
        ({"effects": {2: {0: 1}}}, "jobs with database effects ≠ 1"),
        ({"effects": {1: {0: 1}, 2: {0: 1}, 3: {0: 1}}}, "jobs with database effects ≠ 1"),
        ({"calls": [(2, "reserve", {"k": 1, "l": 1})]}, "outside calls repeated without the same key"),
        ({"calls": []}, "outside calls never made"),
        ({"statuses": {1: "failed", 2: "succeeded", 3: "failed"}}, "jobs that ended otherwise than they should"),
        ({"lost_attempts": [Lost("j", 7, at(0), at(15), at(31))]}, "longest rescue after the fault's end"),
        ({"skewed_effects": 0}, "effects left by a worker an hour ahead"),
    ],
)
def test_a_broken_promise_is_seen(changes: dict[str, Any], words: str) -> None:
    whole = {"lost_attempts": [Lost("j", 7, at(0), at(15), at(20))]}
    assert words not in broken(seen(**whole))
    assert words in broken(seen(**{**whole, **changes}))


def test_repeats_with_the_same_key_are_none() -> None:
    assert unkeyed_repeats(seen(calls=[(2, "reserve", {"k": 5})])) == []
    assert len(unkeyed_repeats(seen(calls=[(2, "reserve", {"k": 5, "l": 2}), (2, "confirm", {"": 1})]))) == 3


def test_a_job_that_was_never_accepted_may_have_run_once_or_not() -> None:
    assert wrong_effects(WORKS[:1], seen(accepted=[], effects={})) == []
    assert wrong_effects(WORKS[:1], seen(accepted=[], effects={1: {0: 1}})) == []
    assert len(wrong_effects(WORKS[:1], seen(accepted=[], effects={1: {0: 2}}))) == 1


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


def test_a_seed_gives_the_same_jobs_again() -> None:
    works = Plan(jobs=500, minutes=1, seed=4).works()
    assert works == Plan(jobs=500, minutes=1, seed=4).works() != Plan(jobs=500, minutes=1, seed=5).works()
    kinds = ("write", "call", "long", "tiny", "flaky", "poison")
    assert {work.kind for work in works} == {f"chaos.{name}" for name in kinds}
