"""Generating the meetings that cycles still miss.

The cycles and their instructors stay locked until the transaction ends: of two generations of one cycle the second
finds nothing left to do, and of two that want one instructor's time the second sees what the first has taken.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.cycles import generation_queries as queries
from models.cycles.calendars import BlockedDates, Closed
from models.cycles.events import MEETING_SCHEDULED, MeetingState
from models.cycles.jobs import ConflictOut, MeetingsGenerated
from models.cycles.queries import LOCK_INSTRUCTORS
from models.cycles.rules import MeetingPattern, Plan, plan_meetings
from models.cycles.services.cycles import lock_cycles
from models.cycles.services.outcome import NAMED_AT_MOST, Outcome
from models.cycles.values import CycleStatus, MeetingStatus, OnConflict
from models.events.service import emit_many
from models.jobs.logs import Log
from models.kernel.actor import Actor
from models.kernel.errors import Conflict
from models.kernel.ids import new_id
from models.kernel.session import Row, fetch

BATCH_MEETINGS = 5000
MAX_ROUNDS = 100
Report = Callable[[int, int, str], None]


class ToPlan(msgspec.Struct, frozen=True):
    """A locked cycle, and how far its meetings have come."""

    id: UUID
    name: str
    status: CycleStatus
    pattern: MeetingPattern
    timezone: str
    start_date: date
    total_meetings: int
    branch_id: UUID
    country: str
    subdivision: str | None
    instructor_id: UUID
    existing: int
    last_number: int
    last_ends_at: datetime | None

    @property
    def missing(self) -> int:
        return max(0, self.total_meetings - self.existing) if self.status == CycleStatus.ACTIVE else 0


class Draft(msgspec.Struct, frozen=True):
    """A meeting on its way into the table."""

    id: UUID
    cycle_id: UUID
    number: int
    starts_at: datetime
    ends_at: datetime
    local_date: date


async def generate_meetings(
    session: AsyncSession, actor: Actor, cycle_ids: Sequence[UUID], on_conflict: OnConflict, report: Report, log: Log
) -> MeetingsGenerated:
    """Create what is missing of each cycle (`total_meetings` less those there are), and set its end date.

    `report` is called with cycles done, cycles in all, and a sentence; `log` with what was left out, and why. Raises
    NotFound for an unknown cycle, HolidaySourceError for a calendar that is not known, PatternExhausted, and Conflict
    with `fail`.
    """
    cycles = await _lock(session, list(dict.fromkeys(cycle_ids)))
    closures = await _closures(session, {cycle.branch_id for cycle in cycles})
    run, done = Outcome(log), 0
    for batch in _batches(cycles):
        await _Batch(session, actor, batch, closures, on_conflict, run).generate()
        done += len(batch)
        report(done, len(cycles), f"{run.created} meetings created")
    return run.result()


async def _lock(session: AsyncSession, ids: list[UUID]) -> list[ToPlan]:
    await lock_cycles(session, ids)
    instructors = await fetch(session, queries.INSTRUCTORS_OF, ids)
    await fetch(session, LOCK_INSTRUCTORS, [row["instructor_id"] for row in instructors])
    return [_to_plan(row) for row in await fetch(session, queries.TO_PLAN, ids)]


def _to_plan(row: Row) -> ToPlan:
    pattern = msgspec.json.decode(row["pattern"], type=MeetingPattern)
    return msgspec.convert({**row, "pattern": pattern}, ToPlan)


async def _closures(session: AsyncSession, branches: set[UUID]) -> Mapping[UUID, list[Closed]]:
    rows = await fetch(session, queries.CLOSURES, list(branches))
    found: dict[UUID, list[Closed]] = {branch: [] for branch in branches}
    for row in rows:
        closed = Closed(row["name"], row["start_date"], row["end_date"])
        for branch in branches if row["branch_id"] is None else [row["branch_id"]]:
            found[branch].append(closed)
    return found


def _batches(cycles: list[ToPlan]) -> Iterator[list[ToPlan]]:
    batch: list[ToPlan] = []
    size = 0
    for cycle in cycles:
        batch.append(cycle)
        size += cycle.missing
        if size >= BATCH_MEETINGS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Batch:
    """Some cycles whose meetings go into the table together."""

    def __init__(
        self,
        session: AsyncSession,
        actor: Actor,
        cycles: list[ToPlan],
        closures: Mapping[UUID, list[Closed]],
        on_conflict: OnConflict,
        run: Outcome,
    ) -> None:
        self._session = session
        self._actor = actor
        self._cycles = {cycle.id: cycle for cycle in cycles}
        self._blocked = {
            cycle.id: BlockedDates(cycle.country, cycle.subdivision, closures[cycle.branch_id]) for cycle in cycles
        }
        self._on_conflict = on_conflict
        self._run = run
        self._last_ends_at = {cycle.id: cycle.last_ends_at for cycle in cycles}
        self._last_number = {cycle.id: cycle.last_number for cycle in cycles}
        self._created: list[Draft] = []
        self._conflicted: set[UUID] = set()

    async def generate(self) -> None:
        for cycle in self._cycles.values():
            if cycle.status != CycleStatus.ACTIVE:
                self._run.skip(cycle.id, None, f"the cycle is {cycle.status}")
        missing = {cycle.id: cycle.missing for cycle in self._cycles.values() if cycle.missing}
        try:
            await self._place(missing)
        finally:
            self._run.tell()
        await self._renumber()
        await self._announce()
        self._run.created += len(self._created)

    async def _place(self, missing: dict[UUID, int]) -> None:
        """Bounded, because an instructor may be taken for ever: what then found no time is among the conflicts."""
        for _ in range(MAX_ROUNDS):
            if not missing:
                return
            drafts = [draft for id_, count in missing.items() for draft in self._plan(id_, count)]
            refused = await self._insert(drafts)
            if not refused or self._on_conflict == OnConflict.SKIP:
                return
            if self._on_conflict == OnConflict.FAIL:
                raise Conflict(self._sentence(refused))
            missing = _counts(refused)

    def _plan(self, cycle_id: UUID, count: int) -> list[Draft]:
        cycle = self._cycles[cycle_id]
        plan = plan_meetings(
            cycle.pattern,
            timezone=cycle.timezone,
            start_date=cycle.start_date,
            count=count,
            blocked=self._blocked[cycle_id],
            first_number=self._last_number[cycle_id] + 1,
            last_ends_at=self._last_ends_at[cycle_id],
        )
        for day in plan.skipped:
            self._run.skip(cycle_id, day.date, day.reason)
        self._last_ends_at[cycle_id] = plan.meetings[-1].ends_at
        self._last_number[cycle_id] += count
        return _drafts(cycle, plan)

    async def _insert(self, drafts: list[Draft]) -> list[Draft]:
        """Those whose instructor is taken."""
        rows = await fetch(
            self._session, queries.INSERT,
            *zip(*((d.id, d.cycle_id, d.number, d.starts_at, d.ends_at, d.local_date) for d in drafts), strict=True),
        )  # fmt: skip
        stored = {row["id"] for row in rows}
        self._created += [draft for draft in drafts if draft.id in stored]
        refused = [draft for draft in drafts if draft.id not in stored]
        if refused:
            await self._tell(refused)
        return refused

    async def _tell(self, refused: list[Draft]) -> None:
        rows = await fetch(
            self._session, queries.IN_THE_WAY,
            *zip(*((d.id, d.cycle_id, d.starts_at, d.ends_at) for d in refused), strict=True),
        )  # fmt: skip
        others = {row["id"]: row["conflicting_id"] for row in rows}
        for draft in refused:
            self._run.conflict(
                ConflictOut(
                    cycle_id=draft.cycle_id, number=draft.number, starts_at=draft.starts_at,
                    conflicting_meeting_id=others.get(draft.id),
                )
            )  # fmt: skip
            self._conflicted.add(draft.cycle_id)

    async def _renumber(self) -> None:
        """What conflicts left out leaves no gap: numbers count on from the last meeting there was, in order of time."""
        moved: dict[UUID, Draft] = {}
        for cycle_id in self._conflicted:
            held = sorted((d for d in self._created if d.cycle_id == cycle_id), key=lambda draft: draft.starts_at)
            for number, draft in enumerate(held, self._cycles[cycle_id].last_number + 1):
                if draft.number != number:
                    moved[draft.id] = msgspec.structs.replace(draft, number=number)
        if moved:
            await fetch(self._session, queries.SET_ASIDE, list(moved))
            await fetch(self._session, queries.RENUMBER, list(moved), [draft.number for draft in moved.values()])
            self._created = [moved.get(draft.id, draft) for draft in self._created]

    async def _announce(self) -> None:
        await fetch(self._session, queries.END_CYCLES, list({draft.cycle_id for draft in self._created}))
        states = {draft.id: _state(draft, self._cycles[draft.cycle_id]) for draft in self._created}
        await emit_many(self._session, self._actor, MEETING_SCHEDULED, states)

    def _sentence(self, refused: Sequence[Draft]) -> str:
        """Names the dates, so that whoever planned them can look them up."""
        named = [self._describe(draft) for draft in refused[:NAMED_AT_MOST]]
        if len(refused) > NAMED_AT_MOST:
            named.append(f"and {len(refused) - NAMED_AT_MOST} more")
        return f"Nothing was created, because the instructor is taken: {'; '.join(named)}."

    def _describe(self, draft: Draft) -> str:
        cycle = self._cycles[draft.cycle_id]
        return f"{cycle.name}, {draft.starts_at.astimezone(ZoneInfo(cycle.timezone)):%Y-%m-%d %H:%M}"


def _counts(drafts: Sequence[Draft]) -> dict[UUID, int]:
    return dict(Counter(draft.cycle_id for draft in drafts))


def _drafts(cycle: ToPlan, plan: Plan) -> list[Draft]:
    zone = ZoneInfo(cycle.timezone)
    return [
        Draft(new_id(), cycle.id, each.number, each.starts_at, each.ends_at, each.starts_at.astimezone(zone).date())
        for each in plan.meetings
    ]


def _state(draft: Draft, cycle: ToPlan) -> MeetingState:
    return MeetingState(
        id=draft.id,
        cycle_id=draft.cycle_id,
        number=draft.number,
        instructor_id=cycle.instructor_id,
        status=MeetingStatus.SCHEDULED,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        timezone=cycle.timezone,
        activity_type=None,
        room=None,
    )
