"""What a generation of meetings has done so far, and the lines it leaves in its job's log."""

from collections import defaultdict
from datetime import date
from itertools import islice
from uuid import UUID

from models.cycles.jobs import LISTED_AT_MOST, ConflictOut, MeetingsGenerated, SkippedOut
from models.jobs.logs import Log
from models.jobs.rules import LogLevel

NAMED_AT_MOST = 20


class Outcome:
    """It keeps as many single cases as are told, and counts the rest."""

    def __init__(self, log: Log) -> None:
        self.created = 0
        self._skipped: list[SkippedOut] = []
        self._skipped_total = 0
        self._conflicts: list[ConflictOut] = []
        self._conflicts_total = 0
        self._log = log
        self._left_out: dict[UUID, dict[str, str]] = defaultdict(dict)
        self._taken: dict[UUID, list[str]] = defaultdict(list)

    def skip(self, cycle_id: UUID, day: date | None, reason: str) -> None:
        self._skipped_total += 1
        if len(self._skipped) < LISTED_AT_MOST:
            self._skipped.append(SkippedOut(cycle_id=cycle_id, date=day, reason=reason))
        if day is None:
            self._log("A cycle was left out.", cycleId=cycle_id, reason=reason)
        else:
            self._left_out[cycle_id][day.isoformat()] = reason

    def conflict(self, conflict: ConflictOut) -> None:
        self._conflicts_total += 1
        if len(self._conflicts) < LISTED_AT_MOST:
            self._conflicts.append(conflict)
        self._taken[conflict.cycle_id].append(conflict.starts_at.isoformat())

    def tell(self) -> None:
        """A line for each cycle with dates that were left out since, and one where its instructor is taken."""
        for cycle_id, dates in self._left_out.items():
            first = dict(islice(dates.items(), NAMED_AT_MOST))
            self._log("Dates were left out.", cycleId=cycle_id, total=len(dates), dates=first)
        for cycle_id, times in self._taken.items():
            self._log(
                "The instructor is taken.", LogLevel.WARNING,
                cycleId=cycle_id, total=len(times), startsAt=times[:NAMED_AT_MOST],
            )  # fmt: skip
        self._left_out.clear()
        self._taken.clear()

    def result(self) -> MeetingsGenerated:
        return MeetingsGenerated(
            created=self.created, skipped=self._skipped, skipped_total=self._skipped_total,
            conflicts=self._conflicts, conflicts_total=self._conflicts_total,
        )  # fmt: skip
