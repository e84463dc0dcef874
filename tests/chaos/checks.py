"""What is wrong about what was seen, each list empty in a run that kept its promises. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.chaos.plan import Work
from tests.chaos.seen import Batch, Seen

FINISHED = {"succeeded", "failed", "cancelled"}


def wrong_effects(works: Iterable[Work], seen: Seen) -> list[object]:
    """Numbers whose parts are not each there once; what was never accepted may be there once or not at all.

    A job that was cancelled left nothing, or the first of its chunks: those that it had committed.
    """
    wrong: list[object] = []
    for work in works:
        parts = dict(seen.effects.get(work.number, {}))
        expected = dict.fromkeys(range(work.rows), 1)
        if seen.statuses.get(work.number) == "cancelled":
            expected = dict.fromkeys(range(len(parts)), 1) if work.rows > 1 else {}
        if parts != expected and (work.number in seen.accepted or any(times > 1 for times in parts.values())):
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
    """Ended otherwise than they should; only what somebody cancelled may end so."""
    ends = [(work, seen.statuses.get(work.number)) for work in works]
    return [(work.number, work.kind, end) for work, end in ends if end in FINISHED and end not in _ends_of(work)]


def _ends_of(work: Work) -> set[str]:
    return {work.ends} if work.cancelled_after is None else {work.ends, "cancelled"}


def wrong_verdicts(works: Iterable[Work], seen: Seen) -> list[object]:
    """Cancels that were never answered, or whose answer is not what came of the job."""
    wrong: list[object] = []
    for work in works:
        if work.cancelled_after is None or work.number not in seen.accepted:
            continue
        verdict, end = seen.verdicts.get(work.number), seen.statuses.get(work.number)
        stopped = {"prevented": True, "stopped": True, "too_late": False, "requested": end == "cancelled"}
        if verdict is None or stopped[verdict] != (end == "cancelled"):
            wrong.append((work.number, work.kind, verdict, end))
    return wrong


def untold(works: Iterable[Work], seen: Seen) -> list[object]:
    """Clients that waited for the end of a job and were not told of it, or of another."""
    waited_for = [work.number for work in works if work.followed_by and work.number in seen.accepted]
    return [
        (number, seen.told.get(number)) for number in waited_for if seen.told.get(number) != seen.statuses.get(number)
    ]


def stored_twice(seen: Seen) -> list[object]:
    return [(number, times) for number, times in seen.stored.items() if times > 1]


def wrong_batches(seen: Seen) -> list[object]:
    """Batches that have not ended, ended otherwise than their jobs did, or counted them wrongly."""
    return [batch for batch in seen.batches if not _is_true(batch)]


def _is_true(batch: Batch) -> bool:
    ended = {state: batch.ends.get(state, 0) for state in FINISHED}
    whole = sum(batch.ends.values()) == sum(ended.values()) == batch.jobs
    status = "succeeded" if ended["succeeded"] == batch.jobs else "failed"
    return whole and batch.told == ended and batch.status == status


def wrong_fires(seen: Seen) -> list[object]:
    """Fire times without a job, with a job too many, or with one that did not do its work once."""
    made = Counter((fire.schedule, fire.at) for fire in seen.fires if fire.at <= seen.judged_until)
    due = Counter(seen.due_fires)
    undone = [
        fire for fire in seen.fires
        if fire.at <= seen.judged_until and (fire.status != "succeeded" or fire.effects != 1)
    ]  # fmt: skip
    return [*(due - made).elements(), *(made - due).elements(), *undone]


def by_number(rows: Iterable[tuple[int, int, int]]) -> dict[int, dict[int, int]]:
    """Rows of number, part and count."""
    effects: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for number, part, count in rows:
        effects[number][part] = count
    return effects
