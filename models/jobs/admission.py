"""Who is let onto the broker next: a pure decision over the first few waiting jobs of every owner.

Deficit round robin over owners with a quantum of one job: what an owner has on the broker already counts as turns
taken, and who was served longest ago comes first among equals. Among an owner's own jobs the higher priority goes
first, then the longer due; a priority moves nobody else's jobs, or whoever asks for the highest would be served before
all others.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from models.jobs.limits import Places

LEAST_WINDOW = 4
QUICK_SECONDS, SLOW_SECONDS = 0.06, 0.15
BUNDLE_SECONDS = 0.05
MOST_TURNS, LARGEST_BUNDLE = 25, 300
MOST_REMEMBERED = 10_000
UNBOUNDED = Places({}, {})
Line = tuple[str, str, str]
Order = tuple[int, datetime, UUID]
Turn = tuple[int, int, Order, str]
FIRST_LINE: Line = ("", "", "")


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
    """Those of a kind together, up to the kind's size (1 where none is named), in `most` bundles; what comes after they
    are full is left out.

    A job whose worker died travels alone: if it was the cause, it takes no other down.
    """
    bundles: list[Bundle] = []
    open_: dict[str, Bundle] = {}
    for candidate in candidates:
        kind, size = candidate.kind, sizes.get(candidate.kind, 1)
        if not candidate.orphaned and kind in open_ and len(open_[kind].ids) < size:
            open_[kind].ids.append(candidate.id)
        elif len(bundles) < most:
            bundles.append(Bundle(kind, [candidate.id]))
            if not candidate.orphaned:
                open_[kind] = bundles[-1]
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


class Rota:
    """Whom a queue has served when: of owners with as many turns, the one served longest ago goes first, or a place at
    a time would always go to the one whose jobs wait longest. It forgets those served longest ago of very many.

    `reached` is the line (owner, kind, limit key) behind which to look next, where there are too many to look at once;
    `glanced` the same for the first few lines of each owner.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self.reached = self.glanced = FIRST_LINE
        self._most = most
        self._served: dict[str, int] = {}
        self._count = 0

    def last(self, owner: str) -> int:
        """Grows with each service; 0 for an owner who is not known."""
        return self._served.get(owner, 0)

    def note(self, owner: str) -> None:
        self._count += 1
        self._served.pop(owner, None)
        self._served[owner] = self._count
        if len(self._served) > self._most:
            del self._served[next(iter(self._served))]


def admit(
    candidates: Iterable[Candidate],
    places: int,
    *,
    turns_taken: Mapping[str, int],
    room: Places = UNBOUNDED,
    rota: Rota | None = None,
) -> list[Candidate]:
    """At most `places` of the candidates, in the order in which to send them, as far as there is `room` for their
    kinds. `turns_taken` counts what each owner has on the broker. What there is no room for takes no turn."""
    admitted: list[Candidate] = []
    lines = _lines_of(candidates)
    rota = rota or Rota()
    queue = [_next_turn(turns_taken.get(owner, 0), owner, lines, rota) for owner in lines]
    heapq.heapify(queue)
    while queue and len(admitted) < places:
        turn, _, _, owner = heapq.heappop(queue)
        candidate = next((each for each in _popped(lines[owner]) if room.take(each.kind, each.limit_key)), None)
        if candidate is not None:
            admitted.append(candidate)
            if lines[owner]:
                heapq.heappush(queue, _next_turn(turn, owner, lines, rota))
    return admitted


def _lines_of(candidates: Iterable[Candidate]) -> dict[str, deque[Candidate]]:
    """Each owner's, in the owner's own order."""
    lines: defaultdict[str, deque[Candidate]] = defaultdict(deque)
    for candidate in sorted(candidates, key=_own_order):
        lines[candidate.owner].append(candidate)
    return lines


def _next_turn(turns: int, owner: str, lines: Mapping[str, Sequence[Candidate]], rota: Rota) -> Turn:
    return turns + 1, rota.last(owner), _own_order(lines[owner][0]), owner


def _popped(line: deque[Candidate]) -> Iterator[Candidate]:
    while line:
        yield line.popleft()


def _own_order(candidate: Candidate) -> Order:
    return -candidate.priority, candidate.run_at, candidate.id
