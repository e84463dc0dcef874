"""What a run came to: the report, and whether each promise was kept. Pure, over what was seen."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from tests.chaos.faults import ALL_FAULTS, Fault
from tests.chaos.plan import Work

RESCUE_SECONDS = 30.0
FINISHED = {"succeeded", "failed", "cancelled"}
OUTAGES = {"postgres_stopped", "postgres_killed", "broker_stopped"}
HITS_ALL = {"postgres_stopped", "postgres_killed", "connections_cut"}


class Report(msgspec.Struct, frozen=True):
    """`doubled_effects` counts jobs whose database effects are not exactly those of one run, none included."""

    accepted: int
    ended: int
    lost: int
    doubled_effects: int
    unkeyed_repeats: int
    longest_rescue_s: float
    faults: list[Fault]


class Lost(msgspec.Struct, frozen=True):
    """An attempt whose lease ran out; `next_at` is when the job was claimed again, or ended for good."""

    job: str
    pid: int
    started_at: datetime
    lost_at: datetime
    next_at: datetime | None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything by the number of the submitted job. `calls` are rows of number, step, and how often each key came."""

    accepted: Collection[int]
    statuses: Mapping[int, str]
    effects: Mapping[int, Mapping[int, int]]
    calls: Sequence[tuple[int, str, dict[str, int]]]
    lost_attempts: Sequence[Lost]
    skewed_effects: int
    refusals: Sequence[str]
    faults: Sequence[Fault]


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
        ended=ended,
        lost=len(seen.accepted) - ended,
        doubled_effects=len(wrong_effects(works, seen)),
        unkeyed_repeats=len(unkeyed_repeats(seen)),
        longest_rescue_s=round(max((rescue_seconds(lost, seen.faults) for lost in seen.lost_attempts), default=0.0), 2),
        faults=sorted(seen.faults, key=lambda fault: fault.started_at),
    )


def promises_of(works: Sequence[Work], seen: Seen, report: Report) -> list[Promise]:
    """The figures of the report, and what makes them worth something."""
    unaccepted = [work.number for work in works if work.number not in seen.accepted]
    unended = [n for n in seen.accepted if seen.statuses.get(n) not in FINISHED]
    slow = [lost for lost in seen.lost_attempts if rescue_seconds(lost, seen.faults) > RESCUE_SECONDS]
    missing = sorted(ALL_FAULTS - {fault.kind for fault in seen.faults})
    return [
        _none("jobs submitted and never accepted", [*unaccepted, *seen.refusals]),
        _none("accepted jobs lost", unended),
        _none("jobs with database effects ≠ 1", wrong_effects(works, seen)),
        _none("outside calls repeated without the same key", unkeyed_repeats(seen)),
        _none("outside calls never made", missing_calls(works, seen)),
        _none("jobs that ended otherwise than they should", wrong_ends(works, seen)),
        Promise("longest rescue after the fault's end", f"{report.longest_rescue_s:.1f} s", "≤ 30 s", not slow, slow),
        _some("attempts rescued", len(seen.lost_attempts)),
        _some("effects left by a worker an hour ahead", seen.skewed_effects),
        _none("kinds of faults left out", missing),
    ]


def _none(words: str, found: Sequence[object]) -> Promise:
    return Promise(words, str(len(found)), "0", not found, found[:10])


def _some(words: str, count: int) -> Promise:
    return Promise(words, f"{count:,}", "> 0", count > 0)


def wrong_effects(works: Iterable[Work], seen: Seen) -> list[object]:
    """Numbers whose parts are not each there once; what was never accepted may be there once or not at all."""
    wrong: list[object] = []
    for work in works:
        parts, whole = dict(seen.effects.get(work.number, {})), dict.fromkeys(range(work.rows), 1)
        if parts != whole and (work.number in seen.accepted or any(times > 1 for times in parts.values())):
            wrong.append((work.number, work.kind, parts))
    return wrong


def unkeyed_repeats(seen: Seen) -> list[object]:
    """Calls of a step that came without a key, or with another than the step's first."""
    return [
        (number, step, key)
        for number, step, keys in seen.calls
        for place, (key, times) in enumerate(keys.items())
        if place or not key
        for _ in range(times)
    ]


def missing_calls(works: Iterable[Work], seen: Seen) -> list[object]:
    made = Counter(number for number, _, _ in seen.calls)
    done = [work for work in works if seen.statuses.get(work.number) == "succeeded"]
    return [work.number for work in done if made[work.number] < work.steps]


def wrong_ends(works: Iterable[Work], seen: Seen) -> list[object]:
    ends = [(work, seen.statuses.get(work.number)) for work in works]
    return [(work.number, work.kind, end) for work, end in ends if end in FINISHED and end != work.ends]


def rescue_seconds(lost: Lost, faults: Iterable[Fault]) -> float:
    """From the end of what hit the attempt to the next claim.

    What hit it: a fault of its own process or of everybody's database. An outage of a server that the next claim needs
    counts until its end, whatever hit the attempt. Nothing else that happens meanwhile is an excuse.
    """
    next_at = lost.next_at or lost.lost_at + timedelta(days=1)
    ends = [lost.started_at]
    for fault in faults:
        hit = lost.pid in fault.pids or fault.kind in HITS_ALL
        until = next_at if fault.kind in OUTAGES else lost.lost_at
        if (hit or fault.kind in OUTAGES) and fault.started_at <= until and fault.ended_at >= lost.started_at:
            ends.append(fault.ended_at)
    return max((next_at - max(ends)).total_seconds(), 0.0)


def by_number(rows: Iterable[tuple[int, int, int]]) -> dict[int, dict[int, int]]:
    """Rows of number, part and count."""
    effects: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for number, part, count in rows:
        effects[number][part] = count
    return effects
