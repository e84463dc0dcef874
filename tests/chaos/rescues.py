"""How long after a fault it took to go on: with what a worker had in hand, and with what waited. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from tests.chaos.faults import Fault
from tests.chaos.seen import Lost, Wait

RESCUE_SECONDS = 30.0
OUTAGES = {"postgres_stopped", "postgres_killed", "broker_stopped"}
HITS_ALL = {"postgres_stopped", "postgres_killed", "connections_cut"}
LOSES_MESSAGES = {"broker_flushed", "broker_stopped"}
NEVER = timedelta(days=1)


def rescue_seconds(lost: Lost, faults: Iterable[Fault]) -> float:
    """From the end of what hit the attempt to the next claim.

    What hit it: a fault of its own process or of everybody's database. An outage of a server that the next claim needs
    counts until its end, whatever hit the attempt. Nothing else that happens meanwhile is an excuse.
    """
    next_at = lost.next_at or lost.lost_at + NEVER
    ends = [lost.started_at]
    for fault in faults:
        hit = lost.pid in fault.pids or fault.kind in HITS_ALL
        until = next_at if fault.kind in OUTAGES else lost.lost_at
        if (hit or fault.kind in OUTAGES) and fault.started_at <= until and fault.ended_at >= lost.started_at:
            ends.append(fault.ended_at)
    return max((next_at - max(ends)).total_seconds(), 0.0)


def redelivery_seconds(wait: Wait, faults: Iterable[Fault]) -> float:
    """How long it waited for nothing: not for its turn, and not for a server that was away.

    What is before it in the queue is honest waiting for as long as it moves. Of a message, the first fault that loses
    messages counts until its end: after that one there was nothing more to lose. No process is an excuse, for there is
    another of its sort.
    """
    until = wait.until or wait.since + NEVER
    met = [fault for fault in faults if fault.started_at <= until and fault.ended_at >= wait.since]
    ends = [fault.ended_at for fault in met if fault.kind in OUTAGES]
    if wait.sent:
        ends += sorted(fault.ended_at for fault in met if fault.kind in LOSES_MESSAGES)[:1]
    return max((until - max([wait.since, wait.moved_at or wait.since, *ends])).total_seconds(), 0.0)


def longest_wait(waits: Iterable[Wait], faults: Sequence[Fault]) -> float:
    return max((redelivery_seconds(wait, faults) for wait in waits), default=0.0)


def overdue(waits: Iterable[Wait], faults: Sequence[Fault]) -> list[Wait]:
    return [wait for wait in waits if redelivery_seconds(wait, faults) > RESCUE_SECONDS]
