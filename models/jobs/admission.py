"""Who is let onto the broker next: a pure decision over the first few waiting jobs of every owner.

Deficit round robin over owners with a quantum of one job: what an owner has on the broker already counts as turns
taken. Among an owner's own jobs the higher priority goes first, then the longer due; a priority moves nobody else's
jobs, or whoever asks for the highest would be served before all others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

LEAST_WINDOW = 4
QUICK_SECONDS, SLOW_SECONDS = 0.06, 0.15
BUNDLE_SECONDS = 0.05
MOST_TURNS, LARGEST_BUNDLE = 25, 300


class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """How many jobs of a kind run at once: in all, and per `limit_key` of their arguments. None is no limit."""

    in_all: int | None = None
    per_key: int | None = None

    def __bool__(self) -> bool:
        return self.in_all is not None or self.per_key is not None


class Candidate(msgspec.Struct, frozen=True):
    id: UUID
    kind: str
    priority: int
    run_at: datetime
    owner: str
    limit_key: str | None
    orphaned: bool


class Bundle(msgspec.Struct, frozen=True):
    """Jobs of one kind that travel in one message, known by its first."""

    kind: str
    ids: list[UUID]


def bundle(candidates: Iterable[Candidate], sizes: Mapping[str, int], most: int) -> list[Bundle]:
    """Neighbours of a kind together, up to the kind's size (1 where none is named), in `most` bundles.

    A job whose worker died travels alone: if it was the cause, it takes no other down.
    """
    bundles: list[Bundle] = []
    room = 0
    for candidate in candidates:
        if room and candidate.kind == bundles[-1].kind and not candidate.orphaned:
            bundles[-1].ids.append(candidate.id)
            room -= 1
        elif len(bundles) < most:
            bundles.append(Bundle(candidate.kind, [candidate.id]))
            room = 0 if candidate.orphaned else sizes.get(candidate.kind, 1) - 1
        else:
            break
    return bundles


def bundle_size(turn_seconds: float, batch_size: int = 1) -> int:
    """How many jobs share a message when a turn of `batch_size` takes a worker so long: about what it does before
    anyone would notice."""
    turns = min(max(int(BUNDLE_SECONDS / max(turn_seconds, 1e-6)), 1), MOST_TURNS)
    return max(min(turns * batch_size, LARGEST_BUNDLE // batch_size * batch_size), batch_size)


class Window(msgspec.Struct):
    """How many messages a queue of the broker may hold: about what its workers take in a fifth of a second.

    What is on the broker is served in the order of its sending, so a long queue would keep a rescued job, a higher
    priority and a quieter owner waiting. It is filled up when half of it has been taken, doubles when that was quick,
    and halves when that was slow or when there was less to send than it had room for.
    """

    size: int = LEAST_WINDOW
    filled_at: float | None = None

    def room(self, depth: int, now: float, most: int) -> int:
        """For how many messages there is room, with `depth` of them there; `now` is in seconds, from any start."""
        if depth > self.size // 2:
            return 0
        taken_in = now - self.filled_at if self.filled_at is not None else SLOW_SECONDS
        if taken_in <= QUICK_SECONDS:
            self.size *= 2
        elif taken_in >= SLOW_SECONDS:
            self.size //= 2
        self.size = min(max(self.size, LEAST_WINDOW), most)
        return self.size - depth

    def sent(self, full: bool, now: float) -> None:
        self.filled_at = now if full else None


InFlight = Mapping[tuple[str, str | None], int]


def admit(
    candidates: Iterable[Candidate],
    places: int,
    *,
    turns_taken: Mapping[str, int],
    limits: Mapping[str, Limits],
    in_flight: InFlight,
) -> list[Candidate]:
    """At most `places` of the candidates, in the order in which to send them.

    `turns_taken` counts what each owner has on the broker; `in_flight` counts, by kind and limit key, what runs or is
    on its way to a worker.
    """
    room = _Room(limits, in_flight)
    admitted: list[Candidate] = []
    for candidate in _in_turn(list(candidates), turns_taken):
        if len(admitted) >= places:
            break
        if room.take(candidate):
            admitted.append(candidate)
    return admitted


def saturated(limits: Mapping[str, Limits], in_flight: InFlight) -> tuple[list[str], list[str]]:
    """Kinds with no place left, and `kind key` pairs with none: not worth looking at."""
    room = _Room(limits, in_flight)
    kinds = [kind for kind in limits if room.left_in_all(kind) == 0]
    keys = [f"{kind} {key}" for kind, key in in_flight if key is not None and room.left_for_key(kind, key) == 0]
    return kinds, keys


def _in_turn(candidates: Sequence[Candidate], turns_taken: Mapping[str, int]) -> list[Candidate]:
    turns = Counter(turns_taken)
    order: dict[UUID, int] = {}
    for candidate in sorted(candidates, key=_own_order):
        turns[candidate.owner] += 1
        order[candidate.id] = turns[candidate.owner]
    return sorted(candidates, key=lambda each: (order[each.id], *_own_order(each)))


def _own_order(candidate: Candidate) -> tuple[int, datetime, UUID]:
    return -candidate.priority, candidate.run_at, candidate.id


class _Room:
    """The places left under the limits."""

    def __init__(self, limits: Mapping[str, Limits], in_flight: InFlight) -> None:
        self._limits = limits
        self._keys: defaultdict[tuple[str, str | None], int] = defaultdict(int, in_flight)
        self._kinds: Counter[str] = Counter()
        for (kind, _), jobs in in_flight.items():
            self._kinds[kind] += jobs

    def left_in_all(self, kind: str) -> int | None:
        limit = self._limits.get(kind, Limits()).in_all
        return None if limit is None else max(limit - self._kinds[kind], 0)

    def left_for_key(self, kind: str, key: str | None) -> int | None:
        limit = self._limits.get(kind, Limits()).per_key
        return None if limit is None or key is None else max(limit - self._keys[kind, key], 0)

    def take(self, candidate: Candidate) -> bool:
        kind, key = candidate.kind, candidate.limit_key
        if self.left_in_all(kind) == 0 or self.left_for_key(kind, key) == 0:
            return False
        self._kinds[kind] += 1
        self._keys[kind, key] += 1
        return True
