"""What a run came to: the report, and whether each promise was kept. Pure, over what was seen."""

from collections.abc import Sequence

import msgspec

from tests.chaos.checks import (
    FINISHED,
    missing_calls,
    stored_twice,
    unkeyed_repeats,
    untold,
    wrong_batches,
    wrong_effects,
    wrong_ends,
    wrong_fires,
    wrong_verdicts,
)
from tests.chaos.faults import ALL_FAULTS, Fault
from tests.chaos.plan import Work
from tests.chaos.rescues import RESCUE_SECONDS, longest_wait, overdue, rescue_seconds
from tests.chaos.seen import Seen


class Report(msgspec.Struct, frozen=True):
    """`doubled_effects` counts jobs whose database effects are not exactly those of one run, none included.

    `keyless` of the accepted were submitted without an Idempotency-Key. `longest_rescue_s` is of attempts that a fault
    took, `longest_redelivery_s` of jobs that waited in a queue or on the broker.
    """

    accepted: int
    keyless: int
    ended: int
    lost: int
    doubled_submits: int
    doubled_effects: int
    unkeyed_repeats: int
    cancelled: int
    batches: int
    fires: int
    told: int
    longest_rescue_s: float
    longest_redelivery_s: float
    faults: list[Fault]


class Promise(msgspec.Struct, frozen=True):
    words: str
    figure: str
    limit: str
    kept: bool
    examples: Sequence[object] = ()


def report_of(works: Sequence[Work], seen: Seen) -> Report:
    ended = sum(seen.statuses.get(number) in FINISHED for number in seen.accepted)
    return Report(
        accepted=len(seen.accepted),
        keyless=seen.keyless,
        ended=ended,
        lost=len(seen.accepted) - ended,
        doubled_submits=len(stored_twice(seen)),
        doubled_effects=len(wrong_effects(works, seen)),
        unkeyed_repeats=len(unkeyed_repeats(seen)),
        cancelled=sum(status == "cancelled" for status in seen.statuses.values()),
        batches=len(seen.batches),
        fires=sum(fire.at <= seen.judged_until for fire in seen.fires),
        told=len(seen.told),
        longest_rescue_s=round(max((rescue_seconds(lost, seen.faults) for lost in seen.lost_attempts), default=0.0), 2),
        longest_redelivery_s=round(longest_wait(seen.waits, seen.faults), 2),
        faults=sorted(seen.faults, key=lambda fault: fault.started_at),
    )


def promises_of(works: Sequence[Work], seen: Seen, report: Report) -> list[Promise]:
    """The figures of the report, and what makes them worth something."""
    return [*_broken_never(works, seen), *_within_seconds(seen, report), *_worth_something(seen, report)]


def _broken_never(works: Sequence[Work], seen: Seen) -> list[Promise]:
    unaccepted = [work.number for work in works if work.number not in seen.accepted]
    return [
        _none("jobs submitted and never accepted", [*unaccepted, *seen.refusals]),
        _none("submits stored twice", stored_twice(seen)),
        _none("accepted jobs lost", [n for n in seen.accepted if seen.statuses.get(n) not in FINISHED]),
        _none("jobs with database effects ≠ 1", wrong_effects(works, seen)),
        _none("outside calls repeated without the same key", unkeyed_repeats(seen)),
        _none("outside calls never made", missing_calls(works, seen)),
        _none("jobs that ended otherwise than they should", wrong_ends(works, seen)),
        _none("cancels without a true answer", wrong_verdicts(works, seen)),
        _none("waiting clients not told of the end", untold(works, seen)),
        _none("batches that ended or counted wrongly", wrong_batches(seen)),
        _none("fires of schedules missing, doubled or undone", wrong_fires(seen)),
    ]


def _within_seconds(seen: Seen, report: Report) -> list[Promise]:
    slow = [lost for lost in seen.lost_attempts if rescue_seconds(lost, seen.faults) > RESCUE_SECONDS]
    stuck, limit = overdue(seen.waits, seen.faults), f"≤ {RESCUE_SECONDS:.0f} s"
    return [
        Promise("longest rescue after the fault's end", f"{report.longest_rescue_s:.1f} s", limit, not slow, slow),
        Promise(
            "longest wait for nothing after the fault's end", f"{report.longest_redelivery_s:.1f} s", limit, not stuck,
            stuck[:10],
        ),
    ]  # fmt: skip


def _worth_something(seen: Seen, report: Report) -> list[Promise]:
    missing = sorted(ALL_FAULTS - {fault.kind for fault in seen.faults})
    return [
        _some("jobs submitted without a key", report.keyless),
        _some("attempts rescued", len(seen.lost_attempts)),
        _some("jobs cancelled", report.cancelled),
        _some("batches", report.batches),
        _some("fires of schedules", report.fires),
        _some("waiting clients told", report.told),
        _some("effects left by a worker an hour ahead", seen.skewed_effects),
        _none("kinds of faults left out", missing),
    ]


def _none(words: str, found: Sequence[object]) -> Promise:
    return Promise(words, str(len(found)), "0", not found, found[:10])


def _some(words: str, count: int) -> Promise:
    return Promise(words, f"{count:,}", "> 0", count > 0)
